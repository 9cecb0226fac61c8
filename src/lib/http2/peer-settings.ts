import {
  ConnectionError,
  DEFAULT_WINDOW,
  ERROR,
  LARGEST_MAX_FRAME_BYTES,
  LARGEST_WINDOW,
  SETTING,
  SMALLEST_MAX_FRAME_BYTES,
} from './frame.ts';
import { DEFAULT_TABLE_BYTES } from './static-table.ts';

/** What the peer told us of itself; at first what RFC 9113, 6.5.2 says of those that tell nothing. */
export interface PeerSettings {
  headerTableSize: number;
  maxConcurrentStreams: number;
  initialWindowSize: number;
  maxFrameSize: number;
  maxHeaderListSize: number;
}

export const defaultSettings = (): PeerSettings => ({
  headerTableSize: DEFAULT_TABLE_BYTES,
  maxConcurrentStreams: Number.POSITIVE_INFINITY,
  initialWindowSize: DEFAULT_WINDOW,
  maxFrameSize: SMALLEST_MAX_FRAME_BYTES,
  maxHeaderListSize: Number.POSITIVE_INFINITY,
});

const SETTING_BYTES = 6;

/** The settings as a SETTINGS frame changes them. Throws a ConnectionError for values that there are not. */
export function applySettings(before: PeerSettings, payload: Buffer): PeerSettings {
  if (payload.length % SETTING_BYTES !== 0) throw new ConnectionError(ERROR.frameSize, 'half a setting');
  const settings = { ...before };
  for (let at = 0; at < payload.length; at += SETTING_BYTES) {
    const value = payload.readUInt32BE(at + 2);
    switch (payload.readUInt16BE(at)) {
      case SETTING.headerTableSize:
        settings.headerTableSize = value;
        break;
      case SETTING.enablePush:
        // Section 6.5.2: a server must not say anything but 0.
        if (value !== 0) throw new ConnectionError(ERROR.protocol, 'a server that wants to be pushed to');
        break;
      case SETTING.maxConcurrentStreams:
        settings.maxConcurrentStreams = value;
        break;
      case SETTING.initialWindowSize:
        if (value > LARGEST_WINDOW) throw new ConnectionError(ERROR.flowControl, 'a window is too large');
        settings.initialWindowSize = value;
        break;
      case SETTING.maxFrameSize:
        if (value < SMALLEST_MAX_FRAME_BYTES || value > LARGEST_MAX_FRAME_BYTES)
          throw new ConnectionError(ERROR.protocol, 'a frame size that there is not');
        settings.maxFrameSize = value;
        break;
      case SETTING.maxHeaderListSize:
        settings.maxHeaderListSize = value;
        break;
    }
  }
  return settings;
}
