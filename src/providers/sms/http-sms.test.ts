import { conformance } from '../conformance.ts';
import http from './http-sms.ts';

conformance(http);
