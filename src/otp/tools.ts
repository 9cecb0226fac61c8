import type { Clock } from '../lib/clock.ts';
import type { Wake } from '../queue/index.ts';
import type { Categories } from '../rules/index.ts';
import type { Queryable, Store } from '../store/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import type { Templates } from '../templates/index.ts';
import type { Seals } from '../tenants/index.ts';
import type { RecentRefusals } from './recent-refusals.ts';

/** What happened to an OTP. Never with its code. */
export interface OtpEvent {
  type: 'otp.sent' | 'otp.approved' | 'otp.cancelled' | 'otp.max_attempts' | 'otp.paused';
  tenantId: string;
  live: boolean;
  /** Of the OTP; of a pause null. */
  id: string | null;
  notificationId: string | null;
  purpose: string | null;
  at: Date;
  /** Of a pause: the country or prefix. */
  paused?: string;
}

/** What every request works with. */
export interface OtpTools {
  store: Store;
  clock: Clock;
  wake: Wake;
  categories: Pick<Categories, 'forTenant'>;
  templates: Pick<Templates, 'refusal'>;
  seals: Seals;
  metrics?: Metrics;
  /** Told in the transaction in which it happened: what is written with `db` is there if and only if the event is. */
  onEvent?(db: Queryable, event: OtpEvent): Promise<void>;
  /** A number of [0, max); of the system's strong ones by default. */
  draw?(max: number): number;
}

/** The same within the room. */
export interface RoomTools extends OtpTools {
  recent: RecentRefusals;
}
