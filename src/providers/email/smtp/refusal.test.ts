import { test } from 'node:test';
import { assertOutcome } from '../../conformance/valid.ts';
import type { Outcome } from '../../contract.ts';
import { classifyRefusal } from './refusal.ts';

const OURS = { effect: { type: 'suppress-contact' } } as const;
const REFUSALS: [reply: string, outcome: Partial<Outcome>][] = [
  [
    '421 4.3.2 Shutting down',
    { kind: 'retry', reason: 'provider_unavailable', scope: 'connection', code: '4.3.2' },
  ],
  [
    '421 Service not available',
    { kind: 'retry', reason: 'provider_unavailable', scope: 'connection', code: '421' },
  ],
  [
    '421 4.7.28 Unusual rate of mail',
    { kind: 'retry', reason: 'rate_limited', afterMs: 300_000, scope: 'message' },
  ],
  ['450 4.2.1 Receiving too fast', { kind: 'retry', reason: 'rate_limited', afterMs: 300_000 }],
  ['450 4.2.0 Greylisted', { kind: 'retry', reason: 'provider_unavailable', afterMs: undefined }],
  ['451 4.7.1 Greylisted', { kind: 'retry', reason: 'provider_unavailable', afterMs: undefined }],
  ['451 4.7.500 Server busy', { kind: 'retry', reason: 'rate_limited' }],
  ['451 Rate limit exceeded', { kind: 'retry', reason: 'rate_limited' }],
  ['451 4.4.1 Connection timed out', { kind: 'retry', reason: 'provider_unavailable', afterMs: undefined }],
  ['452 4.2.2 Over quota', { kind: 'retry', reason: 'recipient_unreachable', afterMs: 1_800_000 }],
  ['452 4.3.1 Insufficient storage', { kind: 'retry', reason: 'provider_unavailable', afterMs: 1_800_000 }],
  ['452 4.5.3 Too many recipients', { kind: 'retry', reason: 'rate_limited' }],
  ['454 4.7.0 Temporary authentication failure', { kind: 'retry', scope: 'connection' }],
  ['471 Something else', { kind: 'retry', reason: 'provider_unavailable', code: '471' }],

  ['550 5.1.1 No such user', { kind: 'rejected', reason: 'recipient_invalid', code: '5.1.1', ...OURS }],
  ...['5.1.2', '5.1.3', '5.1.6', '5.1.10', '5.2.1', '5.4.4'].map((code): [string, Partial<Outcome>] => [
    `550 ${code} Refused`,
    { kind: 'rejected', reason: 'recipient_invalid', code, ...OURS },
  ]),
  ['550 User unknown', { kind: 'rejected', reason: 'recipient_invalid', code: '550', ...OURS }],
  ['550 No such user here', { kind: 'rejected', reason: 'recipient_invalid', ...OURS }],
  [
    '550 <ann@example.org>: address does not exist',
    { kind: 'rejected', reason: 'recipient_invalid', ...OURS },
  ],
  ['554 This account has been disabled', { kind: 'rejected', reason: 'recipient_invalid', ...OURS }],
  ['521 Host does not accept mail', { kind: 'rejected', reason: 'recipient_invalid', ...OURS }],
  ['556 5.1.10 Recipient has null MX', { kind: 'rejected', reason: 'recipient_invalid', ...OURS }],
  ['551 User not local', { kind: 'rejected', reason: 'recipient_invalid', ...OURS }],
  ['552 5.2.2 Mailbox full', { kind: 'rejected', reason: 'recipient_unreachable', effect: undefined }],
  ['552 Quota exceeded', { kind: 'rejected', reason: 'recipient_unreachable' }],
  ['552 5.2.3 Too long for the mailbox', { kind: 'rejected', reason: 'content_too_large' }],
  ['552 5.3.4 Too large', { kind: 'rejected', reason: 'content_too_large' }],
  ['552 Message exceeds fixed size', { kind: 'rejected', reason: 'content_too_large' }],
  ['553 5.1.7 Bad sender syntax', { kind: 'rejected', reason: 'request_invalid' }],
  ['550 5.1.8 Bad sender domain', { kind: 'rejected', reason: 'request_invalid' }],
  ['503 5.5.1 Bad sequence of commands', { kind: 'rejected', reason: 'request_invalid' }],
  ...[500, 501, 502, 503, 504].map((code): [string, Partial<Outcome>] => [
    `${code} Error`,
    { kind: 'rejected', reason: 'request_invalid', code: String(code) },
  ]),
  ['550 5.4.1 Access denied', { kind: 'retry', reason: 'recipient_unreachable' }],
  ['554 5.4.14 Hop count exceeded', { kind: 'retry', reason: 'recipient_unreachable' }],
  ['554 5.6.7 Needs SMTPUTF8', { kind: 'rejected', reason: 'content_invalid' }],
  ['550 5.7.0 Policy', { kind: 'rejected', reason: 'content_refused', effect: undefined }],
  [
    '554 5.7.1 Message blocked, user unknown',
    { kind: 'rejected', reason: 'content_refused', effect: undefined },
  ],
  ['554 Message looks like spam', { kind: 'rejected', reason: 'content_refused' }],
  ['550 Client host is listed at a blocklist', { kind: 'rejected', reason: 'content_refused' }],
  ...['5.7.23', '5.7.25', '5.7.26', '5.7.27', '5.7.30', '5.7.509', '5.7.515'].map(
    (code): [string, Partial<Outcome>] => [
      `550 ${code} Not authenticated`,
      { kind: 'unavailable', reason: 'account_misconfigured', code },
    ],
  ),
  ['530 5.7.0 Authentication required', { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['534 5.7.9 Application password required', { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['535 5.7.8 Bad credentials', { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['538 5.7.11 Encryption required', { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['550 5.7.14 Log in with your browser', { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['550 5.7.54 Unable to relay', { kind: 'unavailable', reason: 'sender_not_allowed' }],
  ['550 5.7.60 Not allowed to send as this sender', { kind: 'unavailable', reason: 'sender_not_allowed' }],
  ['553 Sender address rejected', { kind: 'unavailable', reason: 'sender_not_allowed' }],
  [
    '554 Transaction failed',
    { kind: 'rejected', reason: 'recipient_unreachable', code: '554', effect: undefined },
  ],

  // The classes disagree: the reply code is trusted.
  ['450 5.1.1 User unknown', { kind: 'retry', code: '450' }],
  ['550 4.2.2 Mailbox full', { kind: 'rejected', reason: 'recipient_unreachable', code: '550' }],
  ['250 Ok', { kind: 'retry', reason: 'response_unreadable' }],
];

function refused(reply: string, command = 'RCPT TO'): Outcome {
  return classifyRefusal({ replyCode: Number(reply.slice(0, 3)), reply, command });
}

for (const [reply, expected] of REFUSALS) {
  test(`${reply}: ${expected.kind}`, () => assertOutcome(refused(reply), expected));
}

test('a refusal before RCPT TO never blames the recipient', () => {
  const cases: [string, string, Partial<Outcome>][] = [
    ['521 5.1.1 We accept no mail', 'CONN', { kind: 'unavailable', reason: 'account_misconfigured' }],
    ['554 5.7.1 Blocked', 'CONN', { kind: 'unavailable', reason: 'account_misconfigured' }],
    ['550 Who are you', 'EHLO', { kind: 'unavailable', reason: 'account_misconfigured' }],
    ['554 5.5.0 No', 'AUTH PLAIN', { kind: 'unavailable', reason: 'credentials_invalid' }],
    ['550 5.1.1 Unknown sender', 'MAIL FROM', { kind: 'unavailable', reason: 'sender_not_allowed' }],
    ['552 5.3.4 Too large', 'MAIL FROM', { kind: 'rejected', reason: 'content_too_large' }],
    ['550 5.1.1 No such user', 'DATA', { kind: 'rejected', reason: 'recipient_invalid' }],
  ];
  for (const [reply, command, expected] of cases) assertOutcome(refused(reply, command), expected);
});
