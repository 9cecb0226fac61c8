import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { performance } from 'node:perf_hooks';

/** Where the mock of Apple's push service is, and the file of the certificate to trust there when it speaks TLS. */
export interface MockOrigin {
  origin: string;
  certificatePath: string | null;
}

/** The limit for P2: a bare node:http2 loop against the mock, with as many streams under way as the product uses. */
export async function measureBareHttp2(
  { origin, certificatePath }: MockOrigin,
  seconds: number,
): Promise<number> {
  const ca = certificatePath ? readFileSync(certificatePath) : undefined;
  const sessions = Array.from({ length: 4 }, () => connect(origin, { ca }));
  const body = Buffer.from(
    JSON.stringify({ aps: { alert: { title: 'New Message!', body: 'You have a new message from Alice.' } } }),
  );
  const end = performance.now() + seconds * 1000;
  const started = performance.now();
  let done = 0;
  const one = (session: ReturnType<typeof connect>) =>
    new Promise<void>((resolve, reject) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': `/3/device/${'ab'.repeat(32)}`,
        'apns-topic': 'com.example.app',
        'apns-push-type': 'alert',
        'apns-priority': '10',
        authorization: `bearer ${'x'.repeat(200)}`,
      });
      stream.on('error', reject);
      stream.on('response', () => {});
      stream.on('end', resolve);
      stream.resume();
      stream.end(body);
    });
  await Promise.all(
    sessions.flatMap((session) =>
      Array.from({ length: 64 }, async () => {
        while (performance.now() < end) {
          await one(session);
          done++;
        }
      }),
    ),
  );
  const took = (performance.now() - started) / 1000;
  for (const session of sessions) session.close();
  return done / took;
}
