import pg from 'pg';
import { paceOfLastThird } from './campaign.ts';
import type { CampaignRig } from './campaign-rig.ts';
import type { Row } from './row.ts';

export interface SnapshotSizes {
  users: number;
  snapshotSeconds: number;
  /** Of the campaign without a snapshot, when none has been measured yet. */
  plainSeconds: number;
}

/**
 * P11, second half: a campaign while another session holds an old snapshot, so that nothing of what is updated or
 * deleted can be cleaned away, beside one without. What counts is the pace of the last third.
 */
export async function measureOldSnapshot(
  rig: CampaignRig,
  { users, snapshotSeconds, plainSeconds }: SnapshotSizes,
  knownPace?: number,
): Promise<Row> {
  const plain =
    knownPace ??
    paceOfLastThird(await rig.campaign({ users, minSeconds: plainSeconds, maxSeconds: plainSeconds }));
  const holder = new pg.Client({ connectionString: rig.databaseUrl });
  await holder.connect();
  await holder.query('begin isolation level repeatable read');
  await holder.query('select count(*) from tenants');
  const held = paceOfLastThird(
    await rig.campaign({ users, minSeconds: snapshotSeconds, maxSeconds: snapshotSeconds }),
  );
  await holder.end();
  const ratio = held / plain;
  return {
    id: 'P11',
    what: `campaign while a snapshot of ${snapshotSeconds} s is held: the last third of that time`,
    value: `${Math.round(held)} recipients/s`,
    limit: `without ${Math.round(plain)}/s`,
    ratio: ratio.toFixed(2),
    goal: '≥ 0.9',
    met: ratio >= 0.9,
  };
}
