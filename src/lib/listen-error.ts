// A listener that cannot be bound, said in one line: which, where, why, and what to do.

/** Thrown at start; `message` is what the user reads. */
export class ListenError extends Error {
  /** Name of the listener, for example `http`. */
  readonly listener: string;
  /** `host:port`, as asked for. */
  readonly address: string;
  /** The system's error code, for example `EADDRINUSE`. */
  readonly code: string;

  constructor(listener: string, address: string, code: string) {
    super(`cannot listen on ${address} (${listener}): ${reasonOf(code, address)}`);
    this.name = "ListenError";
    this.listener = listener;
    this.address = address;
    this.code = code;
  }
}

function reasonOf(code: string, address: string): string {
  switch (code) {
    case "EADDRINUSE":
      return "the address is in use; stop the program that listens there, or choose another port";
    case "EACCES":
    case "EPERM":
      return isPrivileged(address)
        ? "not permitted; choose a port above 1023, or give the process CAP_NET_BIND_SERVICE"
        : "not permitted; choose another port";
    case "EADDRNOTAVAIL":
      return "this machine has no such address; choose one of its own, or leave the host empty for all of them";
    case "EAFNOSUPPORT":
      return "this machine does not support that kind of address; choose an IPv4 address such as 0.0.0.0";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "the host name cannot be resolved; write an IP address";
    default:
      return code;
  }
}

function isPrivileged(address: string): boolean {
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  return port > 0 && port < 1024;
}
