import { conformance } from '../conformance.ts';
import http from './http-email.ts';

conformance(http);
