// The numbers of HTTP/2's frames (RFC 9113 §6, §7), and the nine bytes that each frame begins with. Nothing in here
// knows what a frame means.

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** RFC 9113 §7. */
export const ErrorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

/** RFC 9113 §3.4. */
export const CLIENT_PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
export const FRAME_HEAD_BYTES = 9;
/** What both sides may send and must take unless SETTINGS say more, in bytes; we never say more (RFC 9113 §4.2). */
export const DEFAULT_MAX_FRAME_BYTES = 16_384;
/** Of streams and connections until somebody says otherwise, in bytes (RFC 9113 §6.9.2). */
export const DEFAULT_WINDOW_BYTES = 65_535;
/** The largest stream id, window and increment: 31 bits. */
export const MAX_INT31 = 0x7fff_ffff;

const characters: readonly string[] = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

/** A byte as the latin1 character that is written as it. */
export function byteText(byte: number): string {
  return characters[byte & 0xff] as string;
}

/** A frame's head as latin1 text. @param length of the payload, in bytes. */
export function frameHead(length: number, type: number, flags: number, streamId: number): string {
  return (
    byteText(length >> 16) +
    byteText(length >> 8) +
    byteText(length) +
    byteText(type) +
    byteText(flags) +
    uint32Text(streamId)
  );
}

/** 32 bits, network order, as latin1 text. */
export function uint32Text(value: number): string {
  return byteText(value >> 24) + byteText(value >> 16) + byteText(value >> 8) + byteText(value);
}

/** 32 bits, network order, without the first, which is reserved wherever HTTP/2 has 31-bit numbers. */
export function readUint31(bytes: Buffer, position: number): number {
  return (
    (((bytes[position] as number) & 0x7f) << 24) |
    ((bytes[position + 1] as number) << 16) |
    ((bytes[position + 2] as number) << 8) |
    (bytes[position + 3] as number)
  );
}
