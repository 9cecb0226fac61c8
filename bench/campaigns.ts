import { type AgeSizes, measureAge } from './age.ts';
import { type CampaignSizes, measureCampaign } from './campaign.ts';
import { startCampaignRig } from './campaign-rig.ts';
import { measureOldSnapshot, type SnapshotSizes } from './old-snapshot.ts';
import type { Row } from './row.ts';

export interface CampaignsSizes extends CampaignSizes {
  age: AgeSizes;
  snapshot: Omit<SnapshotSizes, 'users'>;
}

export const FULL_CAMPAIGNS: CampaignsSizes = {
  users: 1_000_000,
  maxSeconds: 90,
  minSeconds: 16,
  lifecycleSeconds: 8,
  otherMessages: 60,
  age: { behind: 10_000_000, buildSeconds: 70, roundSeconds: 4 },
  snapshot: { snapshotSeconds: 180, plainSeconds: 30 },
};
export const QUICK_CAMPAIGNS: CampaignsSizes = {
  users: 20_000,
  maxSeconds: 10,
  minSeconds: 4,
  lifecycleSeconds: 3,
  otherMessages: 10,
  age: { behind: 300_000, buildSeconds: 10, roundSeconds: 2 },
  snapshot: { snapshotSeconds: 20, plainSeconds: 8 },
};

/** P3, P5 and P10 in one campaign; P11 in databases of its own, and in the campaign's under an old snapshot. */
export async function measureCampaigns(
  sizes: CampaignsSizes,
  {
    clusterUrl,
    masterKey,
    wants,
  }: { clusterUrl: string; masterKey: Record<string, string>; wants: (...ids: string[]) => boolean },
): Promise<Row[]> {
  const rows: Row[] = [];
  const { users } = sizes;
  const rig = await startCampaignRig({ clusterUrl, users, masterKey });
  try {
    const campaign = wants('P3', 'P5', 'P10') ? await measureCampaign(rig, sizes) : null;
    rows.push(...(campaign?.rows ?? []));
    if (wants('P11'))
      rows.push(await measureOldSnapshot(rig, { ...sizes.snapshot, users }, campaign?.perSecond));
  } finally {
    await rig.stop();
  }
  if (wants('P11')) rows.push(await measureAge(clusterUrl, sizes.age));
  return rows;
}
