// An address of this machine that is not loopback, for what a controller may connect to: the endpoints of a cluster never are
// on loopback. Traffic to it stays on this machine all the same.
import { networkInterfaces } from "node:os";

/** IPv4. Throws on a machine that has no network at all. */
export function machineAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    const found = addresses?.find(({ family, internal, address }) => {
      return family === "IPv4" && !internal && !address.startsWith("169.254.");
    });
    if (found !== undefined) return found.address;
  }
  throw new Error("this machine has no IPv4 address but loopback, and a controller connects to no such endpoint");
}
