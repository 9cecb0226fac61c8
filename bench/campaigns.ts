import { type AgeSizes, measureAge } from './age.ts';
import { type CampaignSizes, measureCampaign } from './campaign.ts';
import { startCampaignRig } from './campaign-rig.ts';
import { type KeptPostgres, startKeptPostgres } from './kept.ts';
import { measureOldSnapshot, type SnapshotSizes } from './old-snapshot.ts';
import type { Row } from './row.ts';

export interface CampaignsSizes extends CampaignSizes {
  age: AgeSizes;
  snapshot: Omit<SnapshotSizes, 'users'>;
}

export const FULL_CAMPAIGNS: CampaignsSizes = {
  users: 1_000_000,
  smallRounds: 3,
  maxSeconds: 60,
  minSeconds: 16,
  lifecycleSeconds: 8,
  otherMessages: 60,
  age: { behind: 10_000_000, roundSeconds: 4 },
  snapshot: { snapshotSeconds: 180, plainSeconds: 30 },
};
export const QUICK_CAMPAIGNS: CampaignsSizes = {
  users: 20_000,
  smallRounds: 1,
  maxSeconds: 6,
  minSeconds: 3,
  lifecycleSeconds: 1,
  otherMessages: 8,
  age: { behind: 100_000, roundSeconds: 0.7 },
  snapshot: { snapshotSeconds: 4, plainSeconds: 4 },
};

/**
 * P3, P5 and P10 in one campaign; P11 in databases of its own, and in the campaign's under an old snapshot.
 * Databases that take minutes to make are kept under `keepIn`, or made anew each time when it is null.
 */
export async function measureCampaigns(
  sizes: CampaignsSizes,
  { keepIn, wants }: { keepIn: string | null; wants: (...ids: string[]) => boolean },
): Promise<Row[]> {
  const postgres = await startKeptPostgres(keepIn);
  try {
    const rows = wants('P3', 'P5', 'P10', 'P11') ? await measureOnRig(postgres, sizes, wants) : [];
    if (wants('P11')) rows.push(await measureAge(postgres, sizes.age));
    return rows;
  } finally {
    await postgres.stop();
  }
}

async function measureOnRig(
  postgres: KeptPostgres,
  sizes: CampaignsSizes,
  wants: (...ids: string[]) => boolean,
): Promise<Row[]> {
  const rows: Row[] = [];
  const { users } = sizes;
  const rig = await startCampaignRig(postgres, users);
  try {
    const campaign = wants('P3', 'P5', 'P10') ? await measureCampaign(rig, sizes) : null;
    rows.push(...(campaign?.rows ?? []));
    if (wants('P11'))
      rows.push(await measureOldSnapshot(rig, { ...sizes.snapshot, users }, campaign?.perSecond));
  } finally {
    await rig.stop();
  }
  return rows;
}
