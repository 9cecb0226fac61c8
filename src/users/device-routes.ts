import { type Static, Type } from 'typebox';
import {
  Exact,
  invalidField,
  OneOf,
  Page,
  PageQuery,
  Problem,
  parseCursor,
  responses,
  type Server,
  Slug,
  toPage,
} from '../http/index.ts';
import { isUuid, uuidv7 } from '../lib/ids.ts';
import { PLATFORMS } from '../providers/contract.ts';
import type { Queryable } from '../store/index.ts';
import {
  type DeviceKey,
  type DeviceRow,
  deactivateDevice,
  findDevice,
  listDevices,
  touchDevice,
  upsertDevice,
} from './device-store.ts';
import { requireUserId, userNotFound } from './find-user.ts';
import { hashToken, parsePushAddress } from './push-address.ts';
import { renderDevice } from './render.ts';
import type { UserRoutesDeps } from './route-deps.ts';
import { DeviceAnswer, DevicePath, UserPath } from './schema.ts';

const DeviceBody = Exact({
  app: Type.Optional(Slug("The tenant's app; `default` when absent")),
  platform: OneOf(PLATFORMS),
  token: Type.Optional(
    Type.String({ minLength: 1, maxLength: 4_096, description: 'Every platform but web' }),
  ),
  subscription: Type.Optional(
    Type.Object(
      {
        endpoint: Type.String({ minLength: 1, maxLength: 2_048 }),
        keys: Exact({ p256dh: Type.String({ maxLength: 128 }), auth: Type.String({ maxLength: 64 }) }),
        expirationTime: Type.Optional(Type.Unsafe<number | null>({ type: ['number', 'null'] })),
      },
      { additionalProperties: false, description: 'Web: what `PushSubscription.toJSON()` gives' },
    ),
  ),
  appVersion: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
});

// A request without a body is null to the validator.
const DeviceChange = Type.Unsafe<{ appVersion?: string | null } | null | undefined>({
  type: ['object', 'null'],
  additionalProperties: false,
  properties: { appVersion: { type: ['string', 'null'], minLength: 1, maxLength: 64 } },
});

const UUID_CURSOR = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function registerDeviceRoutes(app: Server, deps: UserRoutesDeps): void {
  registerRegistration(app, deps);
  registerReads(app, deps);
  registerWrites(app, deps);
}

function registerRegistration(app: Server, { store, clock }: UserRoutesDeps): void {
  app.post(
    '/v1/users/:userId/devices',
    {
      config: { scope: 'users:write', userScope: 'devices' },
      schema: {
        tags: ['Devices'],
        summary: 'Register a device',
        description:
          'Call it at every start of the app. A token is registered once per app: a known one is renewed and becomes ' +
          'active again, and one that was registered for another user moves to this one.',
        params: UserPath,
        body: DeviceBody,
        response: responses({ 200: DeviceAnswer, 201: DeviceAnswer }),
      },
    },
    async ({ credential: { tenantId }, params: { userId: externalId }, body }, reply) => {
      const registration = parseRegistration(body);
      const id = uuidv7(clock.now());
      const device = await store.scoped(tenantId, (db) =>
        upsertDevice(db, { ...registration, tenantId, externalId, id, now: new Date(clock.now()) }),
      );
      if (!device) throw userNotFound(externalId);
      return reply.code(device.id === id ? 201 : 200).send(renderDevice(device));
    },
  );
}

function registerReads(app: Server, { store }: UserRoutesDeps): void {
  app.get(
    '/v1/users/:userId/devices',
    {
      config: { scope: 'users:read', userScope: 'devices' },
      schema: {
        tags: ['Devices'],
        summary: "List a user's devices, newest first",
        params: UserPath,
        querystring: Exact(PageQuery),
        response: responses({ 200: Page(DeviceAnswer) }),
      },
    },
    ({ credential: { tenantId }, params, query: { limit = 20, cursor } }) =>
      store.scoped(tenantId, async (db) => {
        const after = parseCursor(cursor, UUID_CURSOR);
        const userId = await requireUserId(db, { tenantId, externalId: params.userId });
        const rows = await listDevices(db, { tenantId, userId, after, limit: limit + 1 });
        return toPage(rows, limit, (device) => device.id, renderDevice);
      }),
  );
  app.get(
    '/v1/users/:userId/devices/:deviceId',
    {
      config: { scope: 'users:read', userScope: 'devices' },
      schema: {
        tags: ['Devices'],
        summary: 'Get a device',
        params: DevicePath,
        response: responses({ 200: DeviceAnswer }),
      },
    },
    ({ credential: { tenantId }, params }) =>
      store.scoped(tenantId, async (db) =>
        renderDevice(found(await findDevice(db, await deviceKey(db, tenantId, params)), params)),
      ),
  );
}

function registerWrites(app: Server, { store, clock }: UserRoutesDeps): void {
  app.patch(
    '/v1/users/:userId/devices/:deviceId',
    {
      config: { scope: 'users:write', userScope: 'devices' },
      schema: {
        tags: ['Devices'],
        summary: 'Note that a device is in use',
        description: 'Renews `lastActiveAt`, and the version of the app when it is given.',
        params: DevicePath,
        body: DeviceChange,
        response: responses({ 200: DeviceAnswer }),
      },
    },
    ({ credential: { tenantId }, params, body }) =>
      store.scoped(tenantId, async (db) => {
        const { appVersion } = body ?? {};
        const key = await deviceKey(db, tenantId, params);
        const device = await touchDevice(db, key, { now: new Date(clock.now()), appVersion });
        return renderDevice(found(device, params));
      }),
  );
  app.delete(
    '/v1/users/:userId/devices/:deviceId',
    {
      config: { scope: 'users:write', userScope: 'devices' },
      schema: {
        tags: ['Devices'],
        summary: 'Unregister a device',
        description: 'It becomes inactive and stays on record.',
        params: DevicePath,
        response: responses({ 204: Type.Null() }),
      },
    },
    async ({ credential: { tenantId }, params }, reply) => {
      const end = { now: new Date(clock.now()), reason: 'unregistered' };
      await store.scoped(tenantId, async (db) =>
        found(await deactivateDevice(db, await deviceKey(db, tenantId, params), end), params),
      );
      return reply.code(204).send(null);
    },
  );
}

function parseRegistration(body: Static<typeof DeviceBody>) {
  const address = parsePushAddress(body);
  if ('problem' in address) throw invalidField(address.field, address.problem);
  return {
    app: body.app ?? 'default',
    platform: body.platform,
    token: address.token,
    tokenHash: hashToken(address.token),
    keys: address.keys,
    appVersion: body.appVersion ?? null,
  };
}

async function deviceKey(
  db: Queryable,
  tenantId: string,
  params: Static<typeof DevicePath>,
): Promise<DeviceKey> {
  const userId = await requireUserId(db, { tenantId, externalId: params.userId });
  if (!isUuid(params.deviceId)) throw deviceNotFound(params);
  return { tenantId, userId, id: params.deviceId };
}

function found<T extends DeviceRow | boolean>(
  device: T | null | false,
  params: Static<typeof DevicePath>,
): T {
  if (!device) throw deviceNotFound(params);
  return device;
}

function deviceNotFound({ userId, deviceId }: Static<typeof DevicePath>): Problem {
  return new Problem('device.not_found', `The user "${userId}" has no device "${deviceId}"`);
}
