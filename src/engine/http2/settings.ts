// SETTINGS, ours and the client's (RFC 9113 §6.5, RFC 8441 §3).
import { byteText, DEFAULT_WINDOW_BYTES, ErrorCode, frameHead, FrameType, MAX_INT31, uint32Text } from "./protocol.ts";

const SettingId = {
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
} as const;

const SETTING_BYTES = 6;
/** Of a client's frame: there are fewer settings than that. */
const MAX_SETTINGS = 32;
const MIN_FRAME_BYTES = 16_384;
const MAX_FRAME_BYTES = 16_777_215;

export const SETTINGS_ACK: string = frameHead(0, FrameType.settings, 1, 0);

/** Our SETTINGS frame. Frames above the default size and tables of another size are not asked for. */
export function settingsFrame(settings: {
  readonly maxConcurrentStreams: number;
  readonly streamWindowBytes: number;
  readonly maxHeaderListBytes: number;
}): string {
  const payload =
    settingText(SettingId.maxConcurrentStreams, settings.maxConcurrentStreams) +
    settingText(SettingId.initialWindowSize, settings.streamWindowBytes) +
    settingText(SettingId.maxHeaderListSize, settings.maxHeaderListBytes) +
    settingText(SettingId.enableConnectProtocol, 1);
  return frameHead(payload.length, FrameType.settings, 0, 0) + payload;
}

function settingText(id: number, value: number): string {
  return byteText(id >> 8) + byteText(id) + uint32Text(value);
}

/** What the client has said so far, as far as it matters to us: we send no frame above the default size anyway. */
export class ClientSettings {
  /** Bytes that each stream's window begins with. */
  initialWindowBytes: number = DEFAULT_WINDOW_BYTES;

  /** Takes a frame's payload over. @returns an error code of the connection, or 0. */
  read(bytes: Buffer, start: number, end: number): number {
    if ((end - start) % SETTING_BYTES !== 0) return ErrorCode.frameSizeError;
    if (end - start > MAX_SETTINGS * SETTING_BYTES) return ErrorCode.enhanceYourCalm;
    for (let position = start; position < end; position += SETTING_BYTES) {
      const code = this.#readOne(bytes.readUInt16BE(position), bytes.readUInt32BE(position + 2));
      if (code !== ErrorCode.noError) return code;
    }
    return ErrorCode.noError;
  }

  #readOne(id: number, value: number): number {
    switch (id) {
      case SettingId.enablePush:
      case SettingId.enableConnectProtocol:
        return value > 1 ? ErrorCode.protocolError : ErrorCode.noError;
      case SettingId.initialWindowSize:
        if (value > MAX_INT31) return ErrorCode.flowControlError;
        this.initialWindowBytes = value;
        return ErrorCode.noError;
      case SettingId.maxFrameSize:
        return value < MIN_FRAME_BYTES || value > MAX_FRAME_BYTES ? ErrorCode.protocolError : ErrorCode.noError;
      default:
        // RFC 9113 §6.5.2: settings that are not known are passed over.
        return ErrorCode.noError;
    }
  }
}
