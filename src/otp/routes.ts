import { Type } from 'typebox';
import { Problem, responses, type Server } from '../http/index.ts';
import { checkOtp } from './check.ts';
import { issueOtp } from './issue.ts';
import { RecentRefusals } from './recent-refusals.ts';
import { repeatKeyOf } from './repeat.ts';
import { cancelOtp, resendOtp } from './resend.ts';
import { CheckAnswer, CheckBody, OtpAnswer, OtpBody, OtpPath, ResendBody } from './schema.ts';
import { registerSettingsRoutes } from './settings-routes.ts';
import { findOtp } from './store.ts';
import type { OtpTools, RoomTools } from './tools.ts';
import { renderOtp } from './view.ts';

const read = { scope: 'notifications:read' } as const;
const write = { scope: 'notifications:write' } as const;
const about = (summary: string, description?: string) => ({ tags: ['OTP'], summary, description });

/** One-time passwords: sent, sent again, checked, cancelled. */
export function registerOtpRoutes(app: Server, given: OtpTools): void {
  const tools: RoomTools = { ...given, recent: new RecentRefusals() };
  addSending(app, tools);
  addChecking(app, tools);
  addLooking(app, tools);
  registerSettingsRoutes(app, tools);
}

function addSending(app: Server, tools: RoomTools): void {
  const issue = {
    ...about(
      'Send a one-time password',
      'To a user or to bare addresses, over one channel after the other until the code is entered. The code itself is ' +
        'stored nowhere in clear and shown to nobody but its recipient. With an `Idempotency-Key` a repeated request gets ' +
        'the OTP of the first one.',
    ),
    headers: Type.Object({
      'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
    }),
    body: OtpBody,
    response: responses({ 201: OtpAnswer }),
  };
  app.post('/v1/otp', { config: write, schema: issue }, async ({ credential, headers, body }, reply) => {
    const { tenantId, live } = credential;
    const key = repeatKeyOf(headers['idempotency-key'], body);
    const row = await issueOtp(tools, { tenantId, live }, { body, key });
    return reply.code(201).send(renderOtp(row, tools.clock.now()));
  });
  const again = {
    ...about(
      'Send a new code',
      'It takes the place of the one before, and has its own time. Attempts go on counting.',
    ),
    params: OtpPath,
    body: ResendBody,
    response: responses({ 200: OtpAnswer }),
  };
  app.post('/v1/otp/:id/resend', { config: write, schema: again }, async ({ credential, params, body }) => {
    const { tenantId, live } = credential;
    const row = await resendOtp(tools, { tenantId, live, id: params.id }, body);
    return renderOtp(row, tools.clock.now());
  });
}

function addChecking(app: Server, tools: RoomTools): void {
  const check = {
    ...about(
      'Check a code',
      '`approved` once, and then nothing more of it is sent. Blanks and dashes are passed over. A code of another length ' +
        'uses up no attempt.',
    ),
    params: OtpPath,
    body: CheckBody,
    response: responses({ 200: CheckAnswer }),
  };
  app.post(
    '/v1/otp/:id/check',
    { config: write, schema: check },
    async ({ credential, params: { id }, body }) => {
      const { tenantId, live } = credential;
      const { result, attemptsLeft, purpose } = await checkOtp(tools, { tenantId, live, id }, body);
      return { id, status: result, attemptsLeft, purpose: purpose ?? undefined };
    },
  );
  const cancel = {
    ...about('Cancel a one-time password', 'Its code counts no more, and what waits of it is not sent.'),
    params: OtpPath,
    response: responses({ 200: OtpAnswer }),
  };
  app.post(
    '/v1/otp/:id/cancel',
    { config: write, schema: cancel },
    async ({ credential, params: { id } }) => {
      const { tenantId, live } = credential;
      return renderOtp(await cancelOtp(tools, { tenantId, live, id }), tools.clock.now());
    },
  );
}

function addLooking(app: Server, tools: RoomTools): void {
  const look = {
    ...about('What became of a one-time password'),
    params: OtpPath,
    response: responses({ 200: OtpAnswer }),
  };
  app.get('/v1/otp/:id', { config: read, schema: look }, async ({ credential, params: { id } }) => {
    const { tenantId, live } = credential;
    const row = await tools.store.scoped(tenantId, (db) => findOtp(db, { tenantId, live, id }));
    if (!row) throw new Problem('otp.not_found');
    return renderOtp(row, tools.clock.now());
  });
}
