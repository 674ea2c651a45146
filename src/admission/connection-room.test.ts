// Idle connections never keep a new one out, and one address never all others.
import assert from "node:assert/strict";
import { Socket } from "node:net";
import { it } from "node:test";
import { ConnectionRoom } from "./connection-room.ts";

function socketOf(remoteAddress: string, remotePort: number): Socket {
  const socket = new Socket();
  return Object.defineProperties(socket, {
    remoteAddress: { value: remoteAddress },
    remotePort: { value: remotePort },
  });
}

it("closes the longest idle one of whoever holds most where it is full", () => {
  const room = new ConnectionRoom({ total: 4, perAddress: 3 });
  const good = socketOf("10.0.0.1", 1);
  const hog = [1, 2, 3].map((port) => socketOf("10.0.0.2", port));
  for (const socket of [good, ...hog]) room.admit(socket);
  room.beginRequest(hog[0] as Socket);
  const next = socketOf("10.0.0.3", 1);
  room.admit(next);
  assert.deepEqual(
    [good, ...hog, next].map(({ destroyed }) => destroyed),
    [false, false, true, false, false],
  );
});

it("lets one address have so many, and takes none of it where all of them are at work", () => {
  const room = new ConnectionRoom({ total: 10, perAddress: 2 });
  const [first, second, third, fourth] = [1, 2, 3, 4].map((port) => socketOf("10.0.0.2", port)) as [
    Socket,
    Socket,
    Socket,
    Socket,
  ];
  for (const socket of [first, second]) {
    room.admit(socket);
    room.beginRequest(socket);
  }
  room.admit(third);
  assert.deepEqual([first.destroyed, third.destroyed], [false, true]);
  room.endRequest(second);
  room.admit(fourth);
  assert.deepEqual([first.destroyed, second.destroyed, fourth.destroyed], [false, true, false]);
});
