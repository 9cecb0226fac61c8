import { kindOf, type Metrics } from '../telemetry/index.ts';
import type { RefusalReason } from './limits.ts';
import type { CheckResult } from './schema.ts';
import type { OtpChannel } from './settings.ts';

/** Counts for the operator; by then what is counted is committed. */
export function countOtpSent(metrics: Metrics | undefined, channel: OtpChannel, live: boolean): void {
  metrics?.otpSent.inc({ channel, kind: kindOf(live) });
}

export function countOtpChecked(metrics: Metrics | undefined, result: CheckResult, live: boolean): void {
  metrics?.otpChecks.inc({ outcome: result, kind: kindOf(live) });
}

export function countOtpRefused(metrics: Metrics | undefined, reason: RefusalReason, live: boolean): void {
  metrics?.otpRefused.inc({ reason, kind: kindOf(live) });
}
