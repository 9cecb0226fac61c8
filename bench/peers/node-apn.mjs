import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import apn from '@parse/node-apn';
import { drive, IN_FLIGHT } from '../drive.ts';
import { task } from '../task.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const devices = Array.from({ length: 1_000 }, () => randomBytes(32).toString('hex'));

/** As many sessions as Bellhop opens; a notification of its own for each device, as personal messages have. */
task(({ message, port, ...plan }) => {
  const provider = new apn.MultiProvider({
    clientCount: 4,
    token: {
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      keyId: 'KEY1234567',
      teamId: 'TEAM123456',
    },
    address: '127.0.0.1',
    port,
  });
  let n = 0;
  return drive(plan, IN_FLIGHT.APNs, async () => {
    const id = randomUUID();
    const notification = new apn.Notification({
      id,
      collapseId: id,
      topic: 'com.example.app',
      pushType: 'alert',
      priority: 10,
      expiry: Math.floor(Date.now() / 1000) + 3_600,
      alert: { title: message.title, body: message.body },
      sound: 'default',
      category: 'transactional',
      payload: message.data,
    });
    const { failed } = await provider.send(notification, devices[n++ % devices.length]);
    if (failed.length > 0) throw failed[0].error ?? new Error(failed[0].status);
    return 1;
  });
});
