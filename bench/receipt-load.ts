import { createHmac } from 'node:crypto';
import { signAsTwilio } from '../src/tracking/testing.ts';
import { generateLoad, type LoadPlan } from './load.ts';

/** Posts of a vendor, each signed on its own: as Twilio makes them, one for each of `deliveries`, or as WhatsApp does. */
export interface ReceiptLoadPlan extends LoadPlan {
  publicUrl: string;
  tenantId: string;
  token: string;
  deliveries: { id: string; connection: string }[];
  /** Receipts of one post, as WhatsApp gathers them; all of one connection then. */
  gathered?: { size: number; phoneNumberId: string };
}

process.once('message', async (plan: ReceiptLoadPlan) => {
  // Written and signed before the clock runs: here it is the receiver that is measured.
  const texts = plan.gathered
    ? writeGathered(plan)
    : plan.deliveries.map((delivery) => write(plan, delivery));
  process.send!(await generateLoad(plan, (n) => texts[n % texts.length]!));
  process.disconnect?.();
});

function write(
  { host, port, publicUrl, tenantId, token }: ReceiptLoadPlan,
  { id, connection }: { id: string; connection: string },
): string {
  const path = `/v1/receipts/${tenantId}/${connection}?delivery=${id}`;
  const fields = { MessageSid: `SM${id}`, MessageStatus: 'delivered' };
  const body = new URLSearchParams(fields).toString();
  return [
    `POST ${path} HTTP/1.1`,
    `host: ${host}:${port}`,
    'content-type: application/x-www-form-urlencoded',
    `x-twilio-signature: ${signAsTwilio(publicUrl + path, fields, token)}`,
    `content-length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

function writeGathered({ host, port, tenantId, token, deliveries, gathered }: ReceiptLoadPlan): string[] {
  const { size, phoneNumberId } = gathered!;
  return Array.from({ length: Math.floor(deliveries.length / size) }, (_, n) => {
    const statuses = deliveries.slice(n * size, (n + 1) * size).map(({ id }) => ({
      id: `wamid.${id}`,
      status: 'delivered',
      timestamp: `${Math.floor(Date.now() / 1_000)}`,
      recipient_id: '4915112345678',
      biz_opaque_callback_data: id,
    }));
    const value = { messaging_product: 'whatsapp', metadata: { phone_number_id: phoneNumberId }, statuses };
    const body = JSON.stringify({ entry: [{ id: '1', changes: [{ field: 'messages', value }] }] });
    return [
      `POST /v1/receipts/${tenantId}/${deliveries[0]!.connection} HTTP/1.1`,
      `host: ${host}:${port}`,
      'content-type: application/json',
      `x-hub-signature-256: sha256=${createHmac('sha256', token).update(body).digest('hex')}`,
      `content-length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
  });
}
