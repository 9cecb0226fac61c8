import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  /** Has `key.pem` and `cert.pem`. */
  folder: string;
  /** For those that are to trust it (NODE_EXTRA_CA_CERTS). */
  path: string;
  remove(): void;
}

/** Names that the mock answers for: loopback, and the host that firebase-admin cannot be talked out of. */
const NAMES = 'subjectAltName=IP:127.0.0.1,DNS:fcm.googleapis.com';

/** A self-signed certificate for the mock providers; null where the openssl command is missing. */
export function makeCertificate(): Certificate | null {
  const folder = mkdtempSync(join(tmpdir(), 'bellhop-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const [keyPath, path] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const about = ['-subj', '/CN=127.0.0.1', '-addext', NAMES, '-keyout', keyPath, '-out', path];
  try {
    execFileSync('openssl', ['req', ...kind, ...about], { stdio: 'ignore' });
  } catch {
    remove();
    return null;
  }
  return { folder, path, remove };
}
