import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  ConfigError,
  loadConfig,
  parseConfig,
  ROLES,
  renderEnvExample,
  renderReference,
  SETTINGS,
} from './index.ts';

function problemsOf(env: Record<string, string>): string[] {
  try {
    parseConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.message, error.problems.join('\n'));
    return error.problems;
  }
  return [];
}

function assertProblem(env: Record<string, string>, expected: RegExp): void {
  const problems = problemsOf(env);
  assert.equal(problems.length, 1, `${JSON.stringify(env)}: ${problems}`);
  assert.match(problems[0]!, expected);
}

describe('the settings', () => {
  it('have defaults that obey their own rules', () => {
    const { roles, ...rest } = parseConfig({});
    assert.deepEqual([...roles], [...ROLES]);
    assert.deepEqual(rest, {
      port: 3000,
      host: '127.0.0.1',
      dataDir: './data',
      databaseUrl: undefined,
      databasePool: 5,
      bootstrapKey: undefined,
      masterKey: undefined,
      previousMasterKeys: [],
      egressAllow: [],
      publicUrl: undefined,
      simulatorPage: true,
      idempotencyMs: 86_400_000,
      bodyLimit: 262_144,
      keyRateLimit: 0,
      acceptQueue: 20_000,
      receipts: { maxPosts: 5_000, postsPerSecond: 2_000 },
      maxInFlight: 2_000,
      providerRates: {},
      tenantRates: {},
      trustProxy: false,
      flags: [],
      hooksModule: undefined,
      logLevel: 'warn',
      metrics: { mode: 'local', token: undefined, port: null },
      overdueMs: 300_000,
      stuckMs: 60_000,
      drainMs: 20_000,
      tracing: undefined,
    });
  });

  it('mean their default when they are empty or blank', () => {
    const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, ' ']));
    assert.deepEqual(parseConfig(empty), parseConfig({}));
  });

  it('ignore what is none of their business', () => {
    assert.deepEqual(parseConfig({ PATH: '/bin', BELLHOP_TEST_X: '1', PORT: 'x' }), parseConfig({}));
  });

  it('are refused all together, with every variable and its rule', () => {
    const problems = problemsOf({
      BELLHOP_PORT: 'http',
      BELLHOP_LOG_LEVEL: 'loud',
      BELLHOP_DRAIN_SECONDS: '0',
      BELLHOP_COLOUR: 'red',
    });
    assert.deepEqual(problems.toSorted(), [
      'BELLHOP_COLOUR is not a setting',
      'BELLHOP_DRAIN_SECONDS must be between 1 and 600 (it is "0")',
      'BELLHOP_LOG_LEVEL must be one of silent, error, warn, info, debug (it is "loud")',
      'BELLHOP_PORT must be a whole number (it is "http")',
    ]);
  });

  it('suggest the nearest name for a misspelt one', () => {
    assertProblem({ BELLHOP_PROT: '1' }, /^BELLHOP_PROT is not a setting; did you mean BELLHOP_PORT\?$/);
    assertProblem({ BELLHOP_HOSTS: '1' }, /did you mean BELLHOP_HOST\?$/);
    assertProblem({ BELLHOP_LOGLEVEL: 'warn' }, /did you mean BELLHOP_LOG_LEVEL\?$/);
  });

  it('have numbers within their range only', () => {
    for (const [name, setting] of Object.entries(SETTINGS)) {
      if (setting.type !== 'integer') continue;
      const { min, max } = setting;
      for (const good of [min, max]) assert.deepEqual(problemsOf({ [name]: String(good) }), []);
      for (const bad of [min - 1, max + 1, 1.5, '0x10', '1e3', '5 '.repeat(2)])
        assertProblem({ [name]: String(bad) }, new RegExp(`^${name} must be `));
    }
  });

  it('have rates by the name of what exists, above zero', () => {
    const { providerRates } = parseConfig({ BELLHOP_PROVIDER_RATES: 'apns=10000, twilio=0.5' });
    assert.deepEqual(providerRates, { apns: 10_000, twilio: 0.5 });
    assertProblem({ BELLHOP_PROVIDER_RATES: 'nobody=1' }, /names no provider "nobody"/);
    assertProblem({ BELLHOP_TENANT_RATE: 'fax=1' }, /names no channel "fax"/);
    for (const bad of ['apns', 'apns=0', 'apns=-1', 'apns=1,,twilio=2'])
      assertProblem({ BELLHOP_PROVIDER_RATES: bad }, /^BELLHOP_PROVIDER_RATES must be pairs/);
  });

  it('have choices that are spelt exactly', () => {
    for (const page of ['on', 'off', 'auto'])
      assert.deepEqual(problemsOf({ BELLHOP_SIMULATOR_PAGE: page }), []);
    assertProblem({ BELLHOP_SIMULATOR_PAGE: 'ON' }, /must be one of auto, on, off/);
  });

  it('show the simulator page by default on a loopback address only', () => {
    const shown = (host: string, page = 'auto') =>
      parseConfig({ BELLHOP_HOST: host, BELLHOP_SIMULATOR_PAGE: page }).simulatorPage;
    assert.deepEqual(
      ['127.0.0.1', '127.9.9.9', '::1', 'localhost'].map((host) => shown(host)),
      Array(4).fill(true),
    );
    assert.deepEqual(
      ['0.0.0.0', '::', '127.0.0.1.example.com'].map((host) => shown(host)),
      Array(3).fill(false),
    );
    assert.deepEqual([shown('0.0.0.0', 'on'), shown('::1', 'off')], [true, false]);
  });

  it('take a port for the metrics, or none', () => {
    const portOf = (port: string) => parseConfig({ BELLHOP_METRICS_PORT: port }).metrics.port;
    assert.deepEqual([portOf(''), portOf('0'), portOf('9464')], [null, 0, 9464]);
    for (const bad of ['-1', '65536', 'any'])
      assertProblem({ BELLHOP_METRICS_PORT: bad }, /must be a port, 0 to 65535, or empty/);
  });

  it('have lists whose items may stand apart', () => {
    const { egressAllow, previousMasterKeys } = parseConfig({
      BELLHOP_EGRESS_ALLOW: ' 10.0.0.0/8 , fd00::/8,',
      BELLHOP_PREVIOUS_MASTER_KEYS: 'a,b',
    });
    assert.deepEqual(
      [egressAllow, previousMasterKeys],
      [
        ['10.0.0.0/8', 'fd00::/8'],
        ['a', 'b'],
      ],
    );
  });

  it('let a process have some of the roles, given a PostgreSQL', () => {
    const DATABASE_URL = 'postgres://u:p@host/db';
    const { roles } = parseConfig({ DATABASE_URL, BELLHOP_ROLES: 'api, worker' });
    assert.deepEqual([...roles], ['api', 'worker']);
    assert.equal(parseConfig({ BELLHOP_ROLES: 'api, all' }).roles.size, ROLES.length);
    assertProblem({ DATABASE_URL, BELLHOP_ROLES: 'api,cook' }, /unknown role "cook"/);
    assertProblem({ BELLHOP_ROLES: 'api' }, /needs a PostgreSQL in DATABASE_URL/);
  });

  it('refuse addresses of another kind', () => {
    assertProblem({ DATABASE_URL: 'mysql://host/db' }, /must start with postgres:/);
    for (const url of ['bellhop.example.com', 'ftp://x', 'https://x/path', 'https://x/'])
      assertProblem({ BELLHOP_PUBLIC_URL: url }, /must be an origin/);
    assert.equal(parseConfig({ BELLHOP_PUBLIC_URL: 'https://x:8443' }).publicUrl, 'https://x:8443');
  });

  it('set up traces by an endpoint, its headers and a share', () => {
    const endpoint = 'https://otlp.example.com:4318/tenant';
    const { tracing } = parseConfig({
      BELLHOP_OTLP_ENDPOINT: endpoint,
      BELLHOP_OTLP_HEADERS: 'authorization=Bearer%20a=b%2Cc, x-team = shop ',
    });
    const headers = { authorization: 'Bearer a=b,c', 'x-team': 'shop' };
    assert.deepEqual(tracing, { endpoint, headers, sample: 0.01 });
    assert.equal(parseConfig({ BELLHOP_TRACE_SAMPLE: '1' }).tracing, undefined);
    for (const url of [
      'otlp:4318',
      'grpc://x',
      'http://u:p@x',
      'http://',
      'http://x?a',
      'http://x y',
      'http://[1',
    ])
      assertProblem({ BELLHOP_OTLP_ENDPOINT: url }, /must be an http or https URL/);
    for (const pairs of ['private', 'a=', 'a=%E0%A4%A', 'a=%0Ab', 'a b=c', '=c', 'a=1,,b=2'])
      assertProblem({ BELLHOP_OTLP_HEADERS: pairs }, /must be name=value pairs/);
    for (const share of ['0', '1', '1.0', '0.25', '.5'])
      assert.deepEqual(problemsOf({ BELLHOP_TRACE_SAMPLE: share }), []);
    for (const share of ['-0.1', '1.1', '2', '1%', 'half', '1e-3', '0.', '.'])
      assertProblem({ BELLHOP_TRACE_SAMPLE: share }, /must be a number between 0 and 1/);
  });

  it('never show a secret in a complaint', () => {
    const secret = 'short-secret';
    for (const [name, setting] of Object.entries(SETTINGS)) {
      if (!('secret' in setting)) continue;
      assert.ok(
        !problemsOf({ [name]: secret })
          .join()
          .includes(secret),
        name,
      );
    }
    assertProblem(
      { BELLHOP_BOOTSTRAP_KEY: secret },
      /^BELLHOP_BOOTSTRAP_KEY must have 32 characters or more$/,
    );
    assertProblem({ BELLHOP_MASTER_KEY: secret }, /^BELLHOP_MASTER_KEY must have 32 characters or more$/);
  });

  it('are all in the reference and in the example of a .env', () => {
    for (const [name, { description }] of Object.entries(SETTINGS)) {
      assert.ok(renderReference().includes(`| \`${name}\` |`), name);
      assert.ok(renderReference().includes(description), name);
      assert.ok(renderEnvExample().includes(`# ${name}=`), name);
    }
  });
});

describe('the file .env', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bellhop-env-'));
  const cwd = process.cwd();
  before(() => process.chdir(folder));
  after(() => {
    process.chdir(cwd);
    delete process.env.BELLHOP_PORT;
    rmSync(folder, { recursive: true });
  });

  it('is not needed, is read when it is there, and yields to the environment', () => {
    assert.equal(loadConfig().port, 3000);
    writeFileSync('.env', '# a comment\nBELLHOP_PORT=4000\nBELLHOP_HOST="::1"\n');
    assert.deepEqual([loadConfig().port, loadConfig().host], [4000, '::1']);
    process.env.BELLHOP_PORT = '5000';
    assert.deepEqual([loadConfig().port, loadConfig().host], [5000, '::1']);
    writeFileSync('.env', 'BELLHOP_PROT=1\n');
    assert.throws(loadConfig, /BELLHOP_PROT is not a setting/);
  });
});
