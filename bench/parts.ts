import type { TestCluster } from '../test/support/postgres.ts';
import { measureAccept, measureBareFastify } from './accept.ts';
import { measureAudiences } from './audiences.ts';
import { measureCampaigns } from './campaigns.ts';
import { measureChannels } from './channels.ts';
import { measureEmbedded, measureEndToEnd, measureOverTls } from './end-to-end.ts';
import { measureIdle } from './idle.ts';
import { measureStreams } from './inbox-streams.ts';
import { measureQueue } from './queue.ts';
import { measureReceipts } from './receipts.ts';
import { measureResilience } from './resilience.ts';
import type { Row } from './row.ts';
import { measureRules } from './rules.ts';
import type { Sizes } from './sizes.ts';
import { measureSoak, type SoakPlan } from './soak.ts';

export interface PartsPlan {
  sizes: Sizes;
  /** Ids of rows in capitals; empty for the whole set. */
  wanted: Set<string>;
  /** Where large databases are kept from run to run; null to make them anew. */
  keepIn: string | null;
  soak: SoakPlan;
}

/** What the parts work with. */
interface Bench extends PartsPlan {
  postgres: TestCluster;
  /** Settings of a Bellhop on it. */
  env: Record<string, string>;
  wants(...ids: string[]): boolean;
  report(...rows: Row[]): void;
}

interface Part {
  /** The rows it brings, and the names it goes by. */
  ids: string[];
  /** Not part of the whole set. */
  byNameOnly?: boolean;
  measure(bench: Bench): Promise<void>;
}

const PARTS: Part[] = [
  { ids: ['P1', 'P6'], measure: accept },
  { ids: ['P2', 'P6'], measure: endToEnd },
  {
    ids: ['P4'],
    measure: async ({ sizes, postgres, report }) => report(...(await measureQueue(sizes, postgres.url))),
  },
  { ids: ['P7'], measure: async ({ sizes, report }) => report(...(await measureChannels(sizes))) },
  {
    ids: ['P9'],
    measure: async ({ sizes, env, report }) => report(...(await measureIdle(sizes, env))),
  },
  {
    ids: ['P3', 'P5', 'P10', 'P11'],
    measure: async ({ sizes, keepIn, wants, report }) =>
      report(...(await measureCampaigns(sizes.campaigns, { keepIn, wants }))),
  },
  {
    ids: ['RESILIENCE', 'R1', 'R2', 'R3', 'R4'],
    byNameOnly: true,
    measure: ({ sizes, env, wants, report }) =>
      measureResilience({ seconds: sizes.troubleSeconds }, env, {
        wants: (id) => wants('RESILIENCE', id),
        report,
      }),
  },
  {
    ids: ['RULES'],
    byNameOnly: true,
    measure: async ({ sizes, env, report }) =>
      report(...(await measureRules({ seconds: sizes.troubleSeconds }, env))),
  },
  {
    ids: ['AUDIENCES'],
    byNameOnly: true,
    measure: async ({ sizes, env, report }) => report(...(await measureAudiences(sizes.audience, env))),
  },
  {
    ids: ['RECEIPTS'],
    byNameOnly: true,
    measure: async ({ sizes, env, report }) =>
      report(...(await measureReceipts({ seconds: sizes.troubleSeconds }, env))),
  },
  {
    ids: ['STREAMS'],
    byNameOnly: true,
    measure: async ({ sizes, env, report }) => report(...(await measureStreams(sizes.inboxStreams, env))),
  },
  {
    ids: ['SOAK'],
    byNameOnly: true,
    measure: async ({ sizes, env, soak, report }) =>
      report(...(await measureSoak({ seconds: sizes.troubleSeconds }, env, soak))),
  },
];

/** Measures one part after the other, telling rows as they come, and how long each part took. */
export async function measureParts(
  plan: PartsPlan,
  { postgres, env }: { postgres: TestCluster; env: Record<string, string> },
): Promise<Row[]> {
  const rows: Row[] = [];
  const { wanted } = plan;
  const wants = (...ids: string[]) => wanted.size === 0 || ids.some((id) => wanted.has(id));
  const report = (...more: Row[]) => {
    for (const row of more) console.log(`${row.met ? '✔' : '✖'} ${row.id} ${row.what}: ${row.value}`);
    rows.push(...more);
  };
  for (const { ids, byNameOnly, measure } of PARTS) {
    if (!wants(...ids) || (byNameOnly && wanted.size === 0)) continue;
    const startedAt = performance.now();
    await measure({ ...plan, postgres, env, wants, report });
    console.log(`  ${ids.join(' ')} took ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  }
  return rows;
}

async function accept({ sizes, env, wants, report }: Bench): Promise<void> {
  const limit = await measureBareFastify(sizes.accept);
  const durable = await measureAccept(sizes.accept, limit, env);
  report(...durable.rows);
  if (wants('P6')) report(...(await measureAccept(sizes.embeddedAccept, limit, {}, durable.perSecond)).rows);
}

async function endToEnd({ sizes, env, wants, report }: Bench): Promise<void> {
  const { row, perSecond } = await measureEndToEnd(sizes.road, env);
  report(row);
  if (wants('P2')) report(await measureOverTls(sizes.tlsRoad, env));
  if (wants('P6')) report(await measureEmbedded(sizes.embeddedRoad, perSecond));
}
