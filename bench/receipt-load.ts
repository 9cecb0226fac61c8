import { signAsTwilio } from '../src/tracking/testing.ts';
import { generateLoad, type LoadPlan } from './load.ts';

/** Posts of a vendor, one receipt each, each signed on its own: one for each of `deliveries`. */
export interface ReceiptLoadPlan extends LoadPlan {
  publicUrl: string;
  tenantId: string;
  token: string;
  deliveries: { id: string; connection: string }[];
}

process.once('message', async (plan: ReceiptLoadPlan) => {
  // Written and signed before the clock runs: here it is the receiver that is measured.
  const texts = plan.deliveries.map((delivery) => write(plan, delivery));
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
