import { fork } from 'node:child_process';
import { once } from 'node:events';
import { renderInline } from '../src/templates/index.ts';
import { type Certificate, makeCertificate } from './certificate.ts';
import { runTask } from './children.ts';
import type { ChannelName, ChannelPace, ChannelPlan } from './drive.ts';
import { installPeers } from './install-peers.ts';
import type { Row } from './row.ts';

const TEXT = { title: 'New Message!', body: 'You have a new message from Alice.' };
const { subject = '', text = '', html = '' } = renderInline(TEXT, 'email');
/** The mail is rendered here, so that the peer sends no smaller one. */
const MESSAGE = { ...TEXT, data: { type: 'chat', conversation: '1842' }, email: { subject, text, html } };

interface Contest {
  channel: ChannelName;
  peer: string;
  file: string;
  goal: number;
  port: number;
}

/**
 * P7: sends per second of each channel over TLS (SMTP without) to a mock in another process, as many under way at once
 * on both sides, against the library that people use for it.
 */
export async function measureChannels({ channelSeconds }: { channelSeconds: number }): Promise<Row[]> {
  const missing = installPeers();
  if (missing) return [notMeasured(missing)];
  const certificate = makeCertificate();
  if (!certificate) return [notMeasured('not measured: there is no openssl to make a certificate with')];
  const mocks = await startMocks(certificate);
  try {
    const rows: Row[] = [];
    for (const contest of contests(mocks)) rows.push(await hold(contest, channelSeconds, certificate));
    return rows;
  } finally {
    mocks.stop();
    certificate.remove();
  }
}

interface Mocks {
  apple: number;
  google: number;
  browser: number;
  smtp: number;
  stop(): void;
}

function contests({ apple, google, browser, smtp }: Mocks): Contest[] {
  const mail = { channel: 'SMTP', peer: 'nodemailer pool', file: 'nodemailer' } as const;
  return [
    { channel: 'APNs', peer: '@parse/node-apn', file: 'node-apn', goal: 1.5, port: apple },
    { channel: 'FCM', peer: 'firebase-admin', file: 'firebase-admin', goal: 1.5, port: google },
    { channel: 'Web Push', peer: 'web-push', file: 'web-push', goal: 1.5, port: browser },
    { ...mail, goal: 1, port: smtp },
  ];
}

async function hold(
  { channel, peer, file, goal, port }: Contest,
  seconds: number,
  certificate: Certificate,
): Promise<Row> {
  const run = (script: string): Promise<ChannelPace | string> => {
    const plan: ChannelPlan = { channel, port, seconds, message: MESSAGE };
    const env = { NODE_EXTRA_CA_CERTS: certificate.path };
    return runTask<ChannelPace>(script, plan, env).catch((error: Error) => error.message);
  };
  const ours = await run('channel-own.ts');
  const theirs = await run(`peers/${file}.mjs`);
  const ratio = rateOf(ours) / rateOf(theirs);
  return {
    id: 'P7',
    what: `${channel}, sends`,
    value: describe(ours),
    limit: `${peer} ${describe(theirs)}`,
    ratio: Number.isFinite(ratio) ? ratio.toFixed(2) : '–',
    goal: `≥ ${goal}`,
    met: Number.isFinite(ratio) && ratio >= goal,
  };
}

/** Where there is no figure there is no ratio. */
function rateOf(pace: ChannelPace | string): number {
  return typeof pace === 'string' || pace.perSecond === 0 ? Number.NaN : pace.perSecond;
}

function describe(pace: ChannelPace | string): string {
  if (typeof pace === 'string') return `failed (${pace})`;
  const cpu = `${Math.round(pace.cpuMicros)} µs CPU each`;
  return `${Math.round(pace.perSecond)}/s, ${cpu}${pace.failed > 0 ? ` (${pace.failed} failed: ${pace.failure})` : ''}`;
}

async function startMocks({ folder }: Certificate): Promise<Mocks> {
  const start = (file: string, args: string[]) =>
    fork(new URL(file, import.meta.url).pathname, args, { execArgv: [] });
  const children = [start('mock-push.ts', [folder]), start('mock-mail.ts', [])];
  const messages = await Promise.all(children.map((child) => once(child, 'message')));
  const [[push], [mail]] = messages as [[Omit<Mocks, 'smtp' | 'stop'>], [{ port: number }]];
  return {
    ...push,
    smtp: mail.port,
    stop() {
      for (const child of children) child.disconnect();
    },
  };
}

function notMeasured(why: string): Row {
  const goal = '≥ 1.5, SMTP ≥ 1';
  return { id: 'P7', what: 'channels', value: why, limit: '–', ratio: '–', goal, met: false };
}
