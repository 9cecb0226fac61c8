import type { Server } from '../http/index.ts';
import type { AudienceDeps } from './deps.ts';
import { registerExportRoutes } from './export-routes.ts';
import { registerImportRoutes } from './import-routes.ts';
import { registerSegmentRoutes } from './segment-routes.ts';
import { registerTopicRoutes } from './topic-routes.ts';

/** Topics, segments, imports and exports. */
export function registerAudienceRoutes(app: Server, deps: AudienceDeps): void {
  registerTopicRoutes(app, deps);
  registerSegmentRoutes(app, deps);
  registerImportRoutes(app, deps);
  registerExportRoutes(app, deps);
}
