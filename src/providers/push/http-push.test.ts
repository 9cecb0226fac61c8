import { conformance } from '../conformance.ts';
import http from './http-push.ts';

conformance(http);
