import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { insertDelivery, insertNotification } from '../../src/ledger/testing.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import { type Instance, startInstance } from './instance.ts';

/** Stands in everything that belongs to the owner, so that no answer to the stranger may contain it. */
const MARKER = 'belongs-to-the-owner';

interface Ids {
  notification: string;
  delivery: string;
  dead: string;
  unknown: string;
  replay: string;
  device: string;
  item: string;
  key: string;
  event: string;
  import: string;
  otp: string;
}

/** What a stranger gets: nothing (404, with a key also 403), something of his own (2xx), or what is everybody's. */
type Expected = 404 | 403 | 'his own' | 'public' | 'signed';
type Attack = [expected: Expected, path: (ids: Ids) => string, body?: (ids: Ids) => unknown];

const message = { title: 'Hello', body: 'World' };
const sms = { channels: { sms: { en: { body: 'Hi' } } } };
const daily = { recurrence: { cron: '0 9 * * *' }, timezone: 'Europe/Berlin' };
const night = { windows: [{ from: '22:00', to: '07:00' }] };

function onItem(...marks: string[]): Record<string, Attack> {
  return Object.fromEntries(
    marks.map((mark) => [
      `POST /v1/users/{userId}/inbox/{itemId}/${mark}`,
      [404, (ids) => `/v1/users/ada/inbox/${ids.item}/${mark}`],
    ]),
  );
}

const ATTACKS: Record<string, Attack> = {
  'POST /v1/notifications': [
    'his own',
    () => '/v1/notifications',
    () => ({ userId: 'ada', message, idempotencyKey: 'k' }),
  ],
  'GET /v1/notifications': ['his own', () => '/v1/notifications?userId=ada'],
  'PATCH /v1/notifications/{id}': [
    404,
    (ids) => `/v1/notifications/${ids.notification}`,
    () => ({ priority: 'high' }),
  ],
  'GET /v1/notifications/{id}': [404, (ids) => `/v1/notifications/${ids.notification}`],
  'GET /v1/notifications/{id}/visits': [404, (ids) => `/v1/notifications/${ids.notification}/visits`],
  'POST /v1/notifications/{id}/confirm': [404, (ids) => `/v1/notifications/${ids.notification}/confirm`],
  'POST /v1/notifications/{id}/cancel': [404, (ids) => `/v1/notifications/${ids.notification}/cancel`],
  'GET /v1/deliveries': ['his own', () => '/v1/deliveries?state=dead'],
  'GET /v1/deliveries/{id}': [404, (ids) => `/v1/deliveries/${ids.delivery}`],
  'POST /v1/deliveries/{id}/replay': [404, (ids) => `/v1/deliveries/${ids.dead}/replay`],
  'POST /v1/deliveries/replay': [
    'his own',
    () => '/v1/deliveries/replay',
    (ids) => ({ ids: [ids.dead, ids.delivery] }),
  ],
  'POST /v1/otp': ['his own', () => '/v1/otp', () => ({ to: { email: 'x@example.com' } })],
  'GET /v1/otp/{id}': [404, (ids) => `/v1/otp/${ids.otp}`],
  // Answers that there is none, whatever the code is; the rows tell that no attempt was counted.
  'POST /v1/otp/{id}/check': ['his own', (ids) => `/v1/otp/${ids.otp}/check`, () => ({ code: '123456' })],
  'POST /v1/otp/{id}/resend': [404, (ids) => `/v1/otp/${ids.otp}/resend`, () => ({})],
  'POST /v1/otp/{id}/cancel': [404, (ids) => `/v1/otp/${ids.otp}/cancel`],
  'GET /v1/otp/settings': ['his own', () => '/v1/otp/settings'],
  'PUT /v1/otp/settings': ['his own', () => '/v1/otp/settings', () => ({ enabled: false })],
  'GET /v1/otp/usage': ['his own', () => '/v1/otp/usage'],
  'POST /v1/otp/resume': [404, () => '/v1/otp/resume', () => ({ scope: 'country', key: 'NG' })],
  'GET /v1/users/{userId}': [404, () => '/v1/users/ada'],
  'GET /v1/users': ['his own', () => '/v1/users'],
  'POST /v1/users/{userId}/devices': [
    404,
    () => '/v1/users/ada/devices',
    () => ({ platform: 'android', token: 'a'.repeat(140) }),
  ],
  'GET /v1/users/{userId}/devices': [404, () => '/v1/users/ada/devices'],
  'GET /v1/users/{userId}/devices/{deviceId}': [404, (ids) => `/v1/users/ada/devices/${ids.device}`],
  'PATCH /v1/users/{userId}/devices/{deviceId}': [
    404,
    (ids) => `/v1/users/ada/devices/${ids.device}`,
    () => ({ appVersion: '2' }),
  ],
  'DELETE /v1/users/{userId}/devices/{deviceId}': [404, (ids) => `/v1/users/ada/devices/${ids.device}`],
  'GET /v1/users/{userId}/inbox': [404, () => '/v1/users/ada/inbox'],
  'GET /v1/users/{userId}/inbox/counts': [404, () => '/v1/users/ada/inbox/counts'],
  'GET /v1/users/{userId}/inbox/{itemId}': [404, (ids) => `/v1/users/ada/inbox/${ids.item}`],
  ...onItem('seen', 'read', 'archive', 'unread', 'unarchive', 'click'),
  'POST /v1/users/{userId}/inbox/{itemId}/actions/{actionId}': [
    404,
    (ids) => `/v1/users/ada/inbox/${ids.item}/actions/open`,
  ],
  'DELETE /v1/users/{userId}/inbox/{itemId}': [404, (ids) => `/v1/users/ada/inbox/${ids.item}`],
  'POST /v1/users/{userId}/inbox/bulk': [
    404,
    () => '/v1/users/ada/inbox/bulk',
    (ids) => ({ mark: 'delete', ids: [ids.item] }),
  ],
  'POST /v1/users/{userId}/tokens': [404, () => '/v1/users/ada/tokens', () => ({})],
  // These are for tokens of users, and tried with those of strangers in src/inbox/access.test.ts.
  'GET /v1/inbox': [403, () => '/v1/inbox'],
  'GET /v1/inbox/counts': [403, () => '/v1/inbox/counts'],
  'GET /v1/inbox/stream': [403, () => '/v1/inbox/stream'],
  'GET /v1/inbox/{itemId}': [403, (ids) => `/v1/inbox/${ids.item}`],
  'POST /v1/inbox/{itemId}/seen': [403, (ids) => `/v1/inbox/${ids.item}/seen`],
  'POST /v1/inbox/{itemId}/read': [403, (ids) => `/v1/inbox/${ids.item}/read`],
  'POST /v1/inbox/{itemId}/archive': [403, (ids) => `/v1/inbox/${ids.item}/archive`],
  'POST /v1/inbox/{itemId}/unread': [403, (ids) => `/v1/inbox/${ids.item}/unread`],
  'POST /v1/inbox/{itemId}/unarchive': [403, (ids) => `/v1/inbox/${ids.item}/unarchive`],
  'POST /v1/inbox/{itemId}/click': [403, (ids) => `/v1/inbox/${ids.item}/click`],
  'POST /v1/inbox/{itemId}/actions/{actionId}': [403, (ids) => `/v1/inbox/${ids.item}/actions/open`],
  'DELETE /v1/inbox/{itemId}': [403, (ids) => `/v1/inbox/${ids.item}`],
  'POST /v1/inbox/bulk': [403, () => '/v1/inbox/bulk', (ids) => ({ mark: 'delete', ids: [ids.item] })],
  'POST /v1/inbox/read-all': [403, () => '/v1/inbox/read-all'],
  'POST /v1/inbox/stream-tickets': [403, () => '/v1/inbox/stream-tickets'],
  'POST /v1/inbox/session': ['signed', () => '/v1/inbox/session'],
  'GET /v1/browser-origins': ['his own', () => '/v1/browser-origins'],
  'PUT /v1/browser-origins': [
    'his own',
    () => '/v1/browser-origins',
    () => ({ origins: ['https://his.example'] }),
  ],
  'POST /v1/user-token-secret/rotate': ['his own', () => '/v1/user-token-secret/rotate'],
  'POST /v1/users/{userId}/inbox/read-all': [404, () => '/v1/users/ada/inbox/read-all', () => ({})],
  'DELETE /v1/users/{userId}': [404, () => '/v1/users/ada'],
  'GET /v1/suppressions': ['his own', () => '/v1/suppressions'],
  // Taking away what is not there succeeds; the rows tell that the owner's stayed.
  'DELETE /v1/suppressions': ['his own', () => `/v1/suppressions?kind=email&address=${MARKER}@example.com`],
  'PUT /v1/suppressions': [
    'his own',
    () => '/v1/suppressions',
    () => ({ kind: 'email', address: 'x@example.com' }),
  ],
  'DELETE /v1/templates/{id}': [404, () => '/v1/templates/welcome'],
  'GET /v1/templates/{id}': [404, () => '/v1/templates/welcome'],
  'POST /v1/templates/{id}/publish': [404, () => '/v1/templates/welcome/publish', () => ({ version: 1 })],
  'GET /v1/templates': ['his own', () => '/v1/templates'],
  'GET /v1/templates/{id}/versions': [404, () => '/v1/templates/welcome/versions'],
  'GET /v1/templates/{id}/versions/{version}': [404, () => '/v1/templates/welcome/versions/1'],
  'GET /v1/templates/{id}/versions/{version}/diff': [404, () => '/v1/templates/welcome/versions/1/diff'],
  'GET /v1/templates/{id}/publications': [404, () => '/v1/templates/welcome/publications'],
  'POST /v1/templates/{id}/rollback': [404, () => '/v1/templates/welcome/rollback'],
  'POST /v1/templates/{id}/lint': [404, () => '/v1/templates/welcome/lint', () => ({})],
  'POST /v1/templates/{id}/test': [404, () => '/v1/templates/welcome/test', () => ({ userId: 'ada' })],
  'GET /v1/template-settings': ['his own', () => '/v1/template-settings'],
  'GET /v1/fragments': ['his own', () => '/v1/fragments'],
  'GET /v1/fragments/{id}': [404, () => '/v1/fragments/foot'],
  'DELETE /v1/fragments/{id}': [404, () => '/v1/fragments/foot'],
  'POST /v1/templates/{id}/preview': [404, () => '/v1/templates/welcome/preview', () => ({ channel: 'sms' })],
  'POST /v1/keys': ['his own', () => '/v1/keys', () => ({ name: 'k', live: true, scopes: ['users:read'] })],
  'GET /v1/keys': ['his own', () => '/v1/keys'],
  'POST /v1/keys/{id}/rotate': [404, (ids) => `/v1/keys/${ids.key}/rotate`, () => ({})],
  'DELETE /v1/keys/{id}': [404, (ids) => `/v1/keys/${ids.key}`],
  'GET /v1/connections/{id}': [404, () => '/v1/connections/mail'],
  'GET /v1/connections/{id}/health': [404, () => '/v1/connections/mail/health'],
  'DELETE /v1/connections/{id}': [404, () => '/v1/connections/mail'],
  'GET /v1/connections/{id}/vendor-templates': [404, () => '/v1/connections/mail/vendor-templates'],
  'PUT /v1/connections/{id}/vendor-templates/{template}': [
    404,
    () => '/v1/connections/mail/vendor-templates/parcel',
    () => ({ state: 'approved' }),
  ],
  'DELETE /v1/connections/{id}/vendor-templates/{template}': [
    404,
    () => '/v1/connections/mail/vendor-templates/parcel',
  ],
  'GET /v1/connections': ['his own', () => '/v1/connections'],
  'GET /v1/hooks/{id}': [404, () => '/v1/hooks/audit'],
  'DELETE /v1/hooks/{id}': [404, () => '/v1/hooks/audit'],
  'POST /v1/hooks/{id}/rotate': [404, () => '/v1/hooks/audit/rotate', () => ({})],
  'POST /v1/hooks/{id}/test': [404, () => '/v1/hooks/audit/test'],
  'GET /v1/hooks': ['his own', () => '/v1/hooks'],
  'GET /v1/webhook-endpoints/{id}': [404, () => '/v1/webhook-endpoints/shop'],
  'DELETE /v1/webhook-endpoints/{id}': [404, () => '/v1/webhook-endpoints/shop'],
  'POST /v1/webhook-endpoints/{id}/rotate': [404, () => '/v1/webhook-endpoints/shop/rotate', () => ({})],
  'POST /v1/webhook-endpoints/{id}/test': [404, () => '/v1/webhook-endpoints/shop/test'],
  'GET /v1/webhook-endpoints/{id}/deliveries': [404, () => '/v1/webhook-endpoints/shop/deliveries'],
  'GET /v1/webhook-endpoints/{id}/deliveries/{eventId}': [
    404,
    (ids) => `/v1/webhook-endpoints/shop/deliveries/${ids.event}`,
  ],
  'POST /v1/webhook-endpoints/{id}/deliveries/{eventId}/resend': [
    404,
    (ids) => `/v1/webhook-endpoints/shop/deliveries/${ids.event}/resend`,
  ],
  'POST /v1/webhook-endpoints/{id}/recover': [
    404,
    () => '/v1/webhook-endpoints/shop/recover',
    () => ({ since: '2026-01-01T00:00:00Z' }),
  ],
  'GET /v1/webhook-endpoints': ['his own', () => '/v1/webhook-endpoints'],
  'GET /v1/flags': ['his own', () => '/v1/flags'],
  'DELETE /v1/flags/{name}': ['his own', () => '/v1/flags/failover'],
  'POST /v1/notifications/explain': [
    'his own',
    () => '/v1/notifications/explain',
    () => ({ userId: 'ada', message }),
  ],
  'GET /v1/quiet-hours': ['his own', () => '/v1/quiet-hours'],
  'DELETE /v1/quiet-hours': ['his own', () => '/v1/quiet-hours'],
  'GET /v1/quotas': ['his own', () => '/v1/quotas'],
  'DELETE /v1/quotas': ['his own', () => '/v1/quotas'],
  'GET /v1/tracking-settings': ['his own', () => '/v1/tracking-settings'],
  'GET /v1/preference-page': ['his own', () => '/v1/preference-page'],
  'GET /v1/users/{userId}/quiet-hours': [404, () => '/v1/users/ada/quiet-hours'],
  'DELETE /v1/users/{userId}/quiet-hours': [404, () => '/v1/users/ada/quiet-hours'],
  'GET /v1/users/{userId}/preferences': [404, () => '/v1/users/ada/preferences'],
  'PATCH /v1/users/{userId}/preferences': [
    404,
    () => '/v1/users/ada/preferences',
    () => ({ preferences: [{ category: '*', channel: '*', choice: 'out' }] }),
  ],
  'GET /v1/users/{userId}/frequencies': [404, () => '/v1/users/ada/frequencies'],
  'PUT /v1/users/{userId}/frequencies/{category}': [
    404,
    () => '/v1/users/ada/frequencies/offers',
    () => ({ frequency: 'daily' }),
  ],
  'DELETE /v1/users/{userId}/frequencies/{category}': [404, () => '/v1/users/ada/frequencies/offers'],
  'GET /v1/users/{userId}/digests': [404, () => '/v1/users/ada/digests'],
  'GET /v1/users/{userId}/preference-link': [404, () => '/v1/users/ada/preference-link'],
  'POST /v1/users/{userId}/opt-in': [
    404,
    () => '/v1/users/ada/opt-in',
    () => ({ category: 'offers', channel: 'email' }),
  ],
  // The pages behind links are tried with foreign and forged ones in src/consent/pages.test.ts.
  'POST /v1/preference-links/rotate': ['his own', () => '/v1/preference-links/rotate'],
  'GET /v1/categories': ['his own', () => '/v1/categories'],
  'DELETE /v1/categories/{id}': [404, () => '/v1/categories/offers'],
  'POST /v1/deliveries/{id}/settle': [
    404,
    (ids) => `/v1/deliveries/${ids.unknown}/settle`,
    () => ({ as: 'sent' }),
  ],
  'POST /v1/deliveries/settle': [
    'his own',
    () => '/v1/deliveries/settle',
    (ids) => ({ ids: [ids.unknown], as: 'sent' }),
  ],
  'GET /v1/replays': ['his own', () => '/v1/replays'],
  'GET /v1/replays/{id}': [404, (ids) => `/v1/replays/${ids.replay}`],
  'POST /v1/replays/{id}/cancel': [404, (ids) => `/v1/replays/${ids.replay}/cancel`],
  'GET /v1/schedules': ['his own', () => '/v1/schedules'],
  'GET /v1/schedules/{id}': [404, () => '/v1/schedules/digest'],
  'GET /v1/schedules/{id}/occurrences': [404, () => '/v1/schedules/digest/occurrences'],
  'POST /v1/schedules/{id}/pause': [404, () => '/v1/schedules/digest/pause'],
  'POST /v1/schedules/{id}/resume': [404, () => '/v1/schedules/digest/resume'],
  'POST /v1/schedules/{id}/skip': [404, () => '/v1/schedules/digest/skip'],
  'POST /v1/schedules/{id}/cancel': [404, () => '/v1/schedules/digest/cancel'],
  'DELETE /v1/schedules/{id}': [404, () => '/v1/schedules/digest'],
  'GET /v1/topics': ['his own', () => '/v1/topics'],
  'GET /v1/topics/{topic}/subscribers': ['his own', () => '/v1/topics/sport/subscribers'],
  'POST /v1/topics/{topic}/subscribers': [
    'his own',
    () => '/v1/topics/sport/subscribers',
    () => ({ subscribe: ['bob'], unsubscribe: ['ada'] }),
  ],
  'PUT /v1/topics/{topic}/subscribers/{userId}': [404, () => '/v1/topics/sport/subscribers/ada'],
  'DELETE /v1/topics/{topic}/subscribers/{userId}': [404, () => '/v1/topics/sport/subscribers/ada'],
  'GET /v1/users/{userId}/topics': [404, () => '/v1/users/ada/topics'],
  'GET /v1/segments': ['his own', () => '/v1/segments'],
  'GET /v1/segments/{id}': [404, () => '/v1/segments/vip'],
  'GET /v1/segments/{id}/members': [404, () => '/v1/segments/vip/members'],
  'DELETE /v1/segments/{id}': [404, () => '/v1/segments/vip'],
  'POST /v1/segments/count': [
    'his own',
    () => '/v1/segments/count',
    () => ({ rule: { attribute: 'MARKER', is: MARKER } }),
  ],
  'GET /v1/imports': ['his own', () => '/v1/imports'],
  'GET /v1/imports/{id}': [404, (ids) => `/v1/imports/${ids.import}`],
  'GET /v1/imports/{id}/errors': [404, (ids) => `/v1/imports/${ids.import}/errors`],
  'POST /v1/imports': ['his own', () => '/v1/imports', () => 'id\nbob\n'],
  'POST /v1/imports/{id}/parts': [404, (ids) => `/v1/imports/${ids.import}/parts?offset=3`, () => 'eve\n'],
  'POST /v1/imports/{id}/cancel': [404, (ids) => `/v1/imports/${ids.import}/cancel`],
  'GET /v1/users.csv': ['his own', () => '/v1/users.csv'],
  'GET /v1/providers': ['public', () => '/v1/providers'],
  // These come last: from then on the stranger has things of the same names.
  'PUT /v1/template-settings': ['his own', () => '/v1/template-settings', () => ({ defaultLocale: 'en' })],
  'PUT /v1/fragments/{id}': ['his own', () => '/v1/fragments/foot', () => ({ text: 'his' })],
  'PUT /v1/templates/{id}': ['his own', () => '/v1/templates/welcome', () => sms],
  'PUT /v1/connections/{id}': [
    'his own',
    () => '/v1/connections/mail',
    () => ({ provider: 'smtp', config: { host: 'smtp.example.com', from: 'a@example.com' } }),
  ],
  'PUT /v1/schedules/{id}': [
    'his own',
    () => '/v1/schedules/digest',
    () => ({ notification: { userId: 'ada', message }, ...daily }),
  ],
  'PUT /v1/webhook-endpoints/{id}': [
    'his own',
    () => '/v1/webhook-endpoints/shop',
    () => ({ url: 'https://hooks.example.com/' }),
  ],
  'PUT /v1/hooks/{id}': [
    'his own',
    () => '/v1/hooks/audit',
    () => ({ moment: 'pre-send', url: 'https://hooks.example.com/', onFailure: 'open' }),
  ],
  'PUT /v1/flags/{name}': ['his own', () => '/v1/flags/failover', () => ({ percentage: 1 })],
  'PUT /v1/segments/{id}': ['his own', () => '/v1/segments/vip', () => ({ rule: { attribute: 'a', is: 1 } })],
  'PUT /v1/quotas': ['his own', () => '/v1/quotas', () => ({ perDay: { '*': 100 } })],
  'PUT /v1/tracking-settings': ['his own', () => '/v1/tracking-settings', () => ({ enabled: true })],
  'PUT /v1/preference-page': ['his own', () => '/v1/preference-page', () => ({ name: 'His own' })],
  'PUT /v1/quiet-hours': ['his own', () => '/v1/quiet-hours', () => night],
  'PUT /v1/users/{userId}/quiet-hours': [404, () => '/v1/users/ada/quiet-hours', () => night],
  'PUT /v1/categories/{id}': ['his own', () => '/v1/categories/offers', () => ({ name: 'Mine' })],
  'PUT /v1/users/{userId}': [
    'his own',
    () => '/v1/users/ada',
    () => ({ contacts: { email: 'x@example.com' } }),
  ],
  // Tried with forged signatures in src/tracking/receipts.test.ts and sms-receipts.test.ts.
  'POST /v1/beacons': ['signed', () => '/v1/beacons'],
  'GET /v1/receipts/{tenant}/{connection}': ['signed', () => '/v1/receipts/x/y'],
  'POST /v1/receipts/{tenant}/{connection}': ['signed', () => '/v1/receipts/x/y'],
};

describe("another tenant's things", () => {
  let bellhop: Instance;
  let ids: Ids;
  before(async () => {
    bellhop = await startInstance({
      BELLHOP_ROLES: 'api', // nothing moves by itself
      BELLHOP_PUBLIC_URL: 'https://bellhop.example.com',
    });
    ids = await furnish(bellhop);
  });
  after(() => bellhop.stop());

  it('are attacked on every route that the API has', async () => {
    const { paths } = (await (await fetch(`${bellhop.url}/openapi.json`)).json()) as { paths: object };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual(routes.toSorted(), Object.keys(ATTACKS).toSorted());
  });

  it('are found by their owner, so that the attacks mean something', async () => {
    for (const [route, [expected, path]] of Object.entries(ATTACKS)) {
      if (!route.startsWith('GET ') || expected === 'signed' || expected === 403) continue;
      const { status } = await bellhop.call(bellhop.owner, 'GET', path(ids));
      assert.equal(status, 200, route);
    }
  });

  it('are not there for a stranger, and stay what they are', async () => {
    const before = await rowsOf(bellhop, bellhop.owner.tenantId);
    assert.ok(JSON.stringify(before).includes(MARKER));
    for (const [route, [expected, path, body]] of Object.entries(ATTACKS)) {
      if (expected === 'signed') continue;
      const [method] = route.split(' ');
      const answer = await bellhop.call(bellhop.stranger, method!, path(ids), body?.(ids));
      if (typeof expected === 'number') assert.equal(answer.status, expected, `${route}: ${answer.text}`);
      else assert.ok(answer.status < 300, `${route}: ${answer.text}`);
      // What he said himself may be in the answer, what he did not say may not.
      if (!path(ids).includes(MARKER)) assert.ok(!answer.text.includes(MARKER), `${route}: ${answer.text}`);
    }
    assert.deepEqual(await rowsOf(bellhop, bellhop.owner.tenantId), before);
  });
});

/** Gives the owner one of everything. */
async function furnish({ call, owner, store }: Instance): Promise<Ids> {
  const make = async (method: string, path: string, body: object) => {
    const answer = await call(owner, method, path, body);
    assert.ok(answer.status < 300, `${path}: ${answer.text}`);
    return answer.body;
  };
  const user = await make('PUT', '/v1/users/ada', {
    contacts: { email: `${MARKER}@example.com` },
    attributes: { MARKER },
  });
  await make('PUT', '/v1/users/ada/frequencies/offers', { frequency: 'weekly' });
  const at = new Date(store.clock.now());
  await store.engine.query(
    `insert into digests (tenant_id, id, live, user_id, category, key, settings, opened_at, closes_at)
     values ($1, $2, true, 'ada', 'offers', $3, '{}', $4, $4)`,
    [owner.tenantId, uuidv7(at.getTime()), MARKER, at],
  );
  const device = await make('POST', '/v1/users/ada/devices', {
    platform: 'android',
    token: `${MARKER}:${'a'.repeat(140)}`,
  });
  await make('PUT', '/v1/suppressions', { kind: 'email', address: `${MARKER}@example.com`, reason: MARKER });
  await make('PUT', '/v1/templates/welcome', { ...sms, name: MARKER });
  await make('PUT', '/v1/fragments/foot', { text: MARKER });
  const config = { host: `${MARKER}.example.com`, from: 'a@example.com' };
  await make('PUT', '/v1/connections/mail', { provider: 'smtp', name: MARKER, config });
  await make('PUT', '/v1/connections/mail/vendor-templates/parcel', { state: 'paused', reason: MARKER });
  const url = `https://${MARKER}.example.com/`;
  await make('PUT', '/v1/hooks/audit', { moment: 'pre-send', url, onFailure: 'closed' });
  await make('PUT', '/v1/webhook-endpoints/shop', { url, description: MARKER });
  await make('PUT', '/v1/flags/failover', { percentage: 50 });
  const notification = { userId: 'ada', message: { title: MARKER, body: MARKER } };
  await make('PUT', '/v1/schedules/digest', { notification, ...daily });
  await make('PUT', '/v1/segments/vip', { rule: { attribute: 'MARKER', is: MARKER } });
  await make('POST', '/v1/topics/sport/subscribers', { subscribe: ['ada'] });
  const file = await call(owner, 'POST', '/v1/imports?more=true', `id\n${MARKER}\n`);
  const key = await make('POST', '/v1/keys', { name: MARKER, live: true, scopes: ['users:read'] });
  const accepted = await make('POST', '/v1/notifications', {
    userId: 'ada',
    message: { title: MARKER, body: MARKER },
    idempotencyKey: 'k',
  });
  await make('PUT', '/v1/otp/settings', { brand: MARKER });
  const otp = await make('POST', '/v1/otp', { to: { email: `otp-${MARKER}@example.com` }, purpose: MARKER });
  await store.engine.query("insert into otp_pauses values ($1, true, 'country', 'NG', $2, $3, 1, 0)", [
    owner.tenantId,
    at,
    new Date(at.getTime() + 86_400_000),
  ]);
  const notification_id = await insertNotification(store, owner.tenantId, { reason: MARKER });
  const delivery = await insertDelivery(store, owner.tenantId, {
    notification_id,
    reason: MARKER,
    user_id: user.id,
  });
  const dead = await insertDelivery(store, owner.tenantId, {
    notification_id,
    state: 'dead',
    reason: MARKER,
  });
  const unknown = await insertDelivery(store, owner.tenantId, {
    notification_id,
    state: 'unknown',
    reason: MARKER,
  });
  const replay = await make('POST', '/v1/deliveries/replay', { filter: { state: 'dead', reason: MARKER } });
  const item = uuidv7(store.clock.now());
  await store.engine.query(
    `insert into inbox_items (tenant_id, user_id, id, live, notification_id, category, item, created_at)
     values ($1, $2, $3, true, $4, 'transactional', $5, $6)`,
    [
      owner.tenantId,
      user.id,
      item,
      notification_id,
      { title: MARKER, body: MARKER, actions: [], data: {} },
      new Date(store.clock.now()),
    ],
  );
  const event = uuidv7(store.clock.now());
  await store.engine.query(
    `with made as (
       insert into events (id, tenant_id, live, type, occurred_at, data, waiting)
       values ($2, $1, true, 'delivery.sent', $4, jsonb_build_object('text', $3::text), false)
     )
     insert into webhook_deliveries (event_id, endpoint_key, tenant_id, type, state, reason, created_at, failed_at)
     select $2, key, $1, 'delivery.sent', 'failed', $3, $4, $4 from webhook_endpoints where tenant_id = $1`,
    [owner.tenantId, event, MARKER, at],
  );
  return {
    notification: accepted.id,
    delivery,
    dead,
    unknown,
    replay: replay.id,
    device: device.id,
    item,
    key: key.id,
    event,
    import: file.body.id,
    otp: otp.id,
  };
}

/** Every row of a tenant in every table, but for the minute in which his keys were used. */
async function rowsOf({ store }: Instance, tenantId: string): Promise<Record<string, unknown[]>> {
  const { rows: tables } = await store.engine.query(
    `select c.table_name as name from information_schema.columns c join information_schema.tables t using (table_name)
      where c.column_name = 'tenant_id' and c.table_schema = 'public' and t.table_type = 'BASE TABLE' order by 1`,
  );
  const found: Record<string, unknown[]> = {};
  for (const { name } of tables) {
    const { rows } = await store.engine.query(
      `select to_jsonb(t) - 'last_used_at' as row from ${name} t where tenant_id = $1 order by to_jsonb(t)::text`,
      [tenantId],
    );
    found[name] = rows;
  }
  return found;
}
