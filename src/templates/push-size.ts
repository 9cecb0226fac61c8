import {
  type Content,
  listProviders,
  type Message,
  PLATFORMS,
  type Platform,
  revealBody,
} from '../providers/index.ts';

/** How much of what a vendor takes a push message uses. */
export interface PushSize {
  provider: string;
  platform: Platform;
  /** Of the vendor's request, as it is counted when the message is sent. */
  bytes: number;
  limitBytes: number;
}

// A subscription as browsers make them (the keys of RFC 8291, 5), and a token of a usual length.
const KEYS = {
  p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
  auth: 'BTBZMqHH6r4Tts7J_aSIgg',
};
const ENDPOINT = `https://push.example.net/${'x'.repeat(170)}`;
const TOKEN = 'x'.repeat(163);
const CONTEXT = {
  now: 0,
  random: (bytes: number) => new Uint8Array(bytes).fill(1),
  deliveryId: '00000000-0000-7000-8000-000000000000',
  baseUrl: 'https://push.example.net',
};

/** The sizes of a rendered push message at every provider that reaches the platform. */
export function measurePush(content: Content, platform: Platform): PushSize[] {
  return listProviders('push').flatMap((provider): PushSize[] => {
    const { payloadBytes } = provider.limits;
    if (!provider.supports.platforms?.includes(platform) || payloadBytes === undefined) return [];
    if (provider.transport !== 'http' && provider.transport !== 'http2') return [];
    const { body } = provider.request(sample(content, platform), provider.testConfig(), CONTEXT);
    return [
      {
        provider: provider.id,
        platform,
        bytes: Buffer.byteLength(revealBody(body)),
        limitBytes: payloadBytes,
      },
    ];
  });
}

/** The platforms that some provider reaches. */
export function reachedPlatforms(): Platform[] {
  const reached = new Set(listProviders('push').flatMap(({ supports }) => supports.platforms ?? []));
  return PLATFORMS.filter((platform) => reached.has(platform));
}

function sample(content: Content, platform: Platform): Message {
  const recipient =
    platform === 'web' ? { address: ENDPOINT, keys: KEYS, platform } : { address: TOKEN, platform };
  return { channel: 'push', recipient, content, priority: 'high', category: 'c', userId: 'u', expiresAt: 1 };
}
