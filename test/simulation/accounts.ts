import { Secret } from '../../src/lib/secret.ts';
import type { Store } from '../../src/store/index.ts';
import type { Connection, Connections } from '../../src/tenants/index.ts';
import type { SeededRandom } from './random.ts';

export const TENANTS = ['01900000-0000-7000-8000-00000000000a', '01900000-0000-7000-8000-00000000000b'];
export const USERS = Array.from({ length: 12 }, (_, i) => `user-${i}`);

const TWILIO = { accountSid: `AC${'0'.repeat(32)}`, authToken: new Secret('secret'), from: '+15005550006' };
const WEBHOOK = {
  url: 'https://hooks.example.com/in',
  secret: new Secret(`whsec_${Buffer.alloc(24).toString('base64')}`),
};

/** The tenants' accounts: two for each channel, so that one can take over. The second tenant has one webhook only. */
export function connectionsReadBy(random: SeededRandom): Pick<Connections, 'forTenants'> {
  return {
    async forTenants(db, tenantIds) {
      // The real ones are cached, and looked up again now and then: the database may be away just then.
      if (random.chance(0.1)) await db.query('select 1');
      return new Map(tenantIds.map((tenantId) => [tenantId, connectionsOf(tenantId)]));
    },
  };
}

function connectionsOf(tenantId: string): Connection[] {
  const all = [
    connection(tenantId, { id: 'texts', providerId: 'twilio', channel: 'sms', priority: 1, config: TWILIO }),
    connection(tenantId, {
      id: 'texts-2',
      providerId: 'twilio',
      channel: 'sms',
      priority: 2,
      config: TWILIO,
    }),
    connection(tenantId, {
      id: 'hooks',
      providerId: 'webhook',
      channel: 'webhook',
      priority: 1,
      config: WEBHOOK,
    }),
    connection(tenantId, {
      id: 'hooks-2',
      providerId: 'webhook',
      channel: 'webhook',
      priority: 1,
      config: WEBHOOK,
    }),
  ];
  return tenantId === TENANTS[0] ? all : all.filter(({ id }) => id !== 'hooks-2');
}

function connection(
  tenantId: string,
  facts: Pick<Connection, 'id' | 'providerId' | 'channel' | 'priority' | 'config'>,
): Connection {
  return {
    tenantId,
    enabled: true,
    weight: 1,
    app: null,
    countries: null,
    limits: {},
    tenantRates: {},
    heldTemplates: [],
    version: 1,
    updatedAt: 1,
    ...facts,
  };
}

export async function insertAccounts(store: Store): Promise<void> {
  const at = new Date(0);
  for (const [t, tenantId] of TENANTS.entries()) {
    await store.engine.query('insert into tenants (id, slug, name, created_at) values ($1, $2, $2, $3)', [
      tenantId,
      `tenant-${t}`,
      at,
    ]);
    for (const [u, user] of USERS.entries()) {
      const id = `01900000-0000-7000-8000-0000000${t}0${String(u).padStart(3, '0')}`;
      await store.engine.query(
        `insert into users (tenant_id, id, external_id, attributes, created_at, updated_at) values ($1, $2, $3, '{}', $4, $4)`,
        [tenantId, id, user, at],
      );
      await store.engine.query(
        `insert into contacts (tenant_id, user_id, kind, address, updated_at) values ($1, $2, 'phone', $3, $4)`,
        [tenantId, id, `+1500555${1000 + t * 100 + u}`, at],
      );
    }
  }
}
