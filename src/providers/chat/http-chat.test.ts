import { conformance } from '../conformance.ts';
import http from './http-chat.ts';

conformance(http);
