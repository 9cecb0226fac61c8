import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { eventually } from '../../test/support/process.ts';
import { underLoad } from '../load.ts';
import type { Accepted } from '../provider-peer.ts';
import type { Scenario } from '../scenario.ts';
import { AUTH_TOKEN, PUBLIC_URL, type World } from '../world.ts';

const STALLED = 100;
/** Requests that make a median. */
const ENOUGH = 40;
/** Sending may not take this much longer with receipts stalled than it took before. */
const NOTICED_MS = 1_000;

/** Receipts stall half-way and come long after: sending goes on as before, and late ones are still taken. */
export default {
  id: 'o',
  title: 'receipts stalled, then late',
  share: 0,
  run: (plan) =>
    underLoad({ plan }, async (world) => {
      const { peer, db, fleet } = world;
      const spanMs = plan.isQuick ? 3_000 : 20_000;
      await wait(spanMs);
      await arrivals(world, ENOUGH);
      const tenantId = (await db.query('select id from tenants')).rows[0].id as string;
      const before = await medianMs(world, 0);
      const stalled = await Promise.all(
        Array.from({ length: STALLED }, (_, n) =>
          stall(fleet.doors[n % fleet.doors.length]!.bellhop!.url, tenantId),
        ),
      );
      const stalledAt = peer.accepted.length;
      await wait(spanMs);
      await arrivals(world, stalledAt + ENOUGH);
      const during = await medianMs(world, stalledAt);
      for (const socket of stalled) socket.destroy();
      const late = peer.accepted.filter(({ key }) => key.includes('/sms/')).slice(0, 200);
      for (const accepted of late) await postReceipt(world, tenantId, accepted);
      return {
        count: 0,
        note: `${STALLED} stalled, ${late.length} late; accepted to sent ${before.toFixed(0)} → ${during.toFixed(0)} ms`,
        check: async () => [
          ...(during - before > NOTICED_MS ? [`sending slowed from ${before} to ${during} ms`] : []),
          ...(await unmarked(world, late)),
        ],
      };
    }),
} satisfies Scenario;

async function arrivals({ peer }: World, count: number): Promise<void> {
  await eventually(
    async () => peer.accepted.length,
    (arrived) => arrived >= count,
    60_000,
  );
}

/** A receipt whose body never comes. */
async function stall(url: string, tenantId: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(
    `POST /v1/receipts/${tenantId}/text?delivery=x HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: 500\r\n\r\nMess`,
  );
  return socket;
}

async function postReceipt({ fleet }: World, tenantId: string, { deliveryId }: Accepted): Promise<void> {
  const path = `/v1/receipts/${tenantId}/text?delivery=${deliveryId}`;
  const form = { MessageSid: `SM${'0'.repeat(32)}`, MessageStatus: 'delivered' };
  const signed = `${PUBLIC_URL}${path}MessageSid${form.MessageSid}MessageStatusdelivered`;
  const response = await fetch(`${fleet.doors[0]!.bellhop!.url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': createHmac('sha1', AUTH_TOKEN).update(signed).digest('base64'),
    },
    body: new URLSearchParams(form).toString(),
  });
  if (response.status !== 204) throw new Error(`a receipt was answered ${response.status}`);
}

/** Median time from acceptance by Bellhop to the attempt, of what the provider accepted since `from`. */
async function medianMs({ db, peer }: World, from: number): Promise<number> {
  const ids = peer.accepted.slice(from).map(({ deliveryId }) => deliveryId);
  const { rows } = await db.query(
    `select percentile_cont(0.5) within group (
       order by extract(epoch from d.started_at - n.created_at) * 1000)::float8 as median
       from deliveries d join notifications n on n.id = d.notification_id where d.id = any($1::uuid[])`,
    [ids],
  );
  return rows[0].median;
}

async function unmarked({ db }: World, late: Accepted[]): Promise<string[]> {
  const { rows } = await db.query(
    'select id from deliveries where id = any($1::uuid[]) and delivered_at is null',
    [late.map(({ deliveryId }) => deliveryId)],
  );
  return rows.map(({ id }) => `the late receipt for ${id} left no mark`);
}
