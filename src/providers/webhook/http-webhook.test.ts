import { conformance } from '../conformance.ts';
import http from './http-webhook.ts';

conformance(http);
