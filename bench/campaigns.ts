import { type CampaignSizes, measureCampaign } from './campaign.ts';
import { startCampaignRig } from './campaign-rig.ts';
import type { Row } from './row.ts';

export const FULL_CAMPAIGN: CampaignSizes = {
  users: 1_000_000,
  maxSeconds: 90,
  minSeconds: 16,
  lifecycleSeconds: 8,
  otherMessages: 60,
};
export const QUICK_CAMPAIGN: CampaignSizes = {
  users: 20_000,
  maxSeconds: 10,
  minSeconds: 4,
  lifecycleSeconds: 3,
  otherMessages: 10,
};

/** P3, P5 and P10 in one campaign. */
export async function measureCampaigns(
  sizes: CampaignSizes,
  clusterUrl: string,
  masterKey: Record<string, string>,
  _wants: (...ids: string[]) => boolean,
): Promise<Row[]> {
  const rig = await startCampaignRig({ clusterUrl, users: sizes.users, masterKey });
  try {
    return (await measureCampaign(rig, sizes)).rows;
  } finally {
    await rig.stop();
  }
}
