// cluster_ioredis.js FOLDER PORT - ioredis as a client of the whole cluster.
'use strict';
const assert = require('node:assert');
const path = require('node:path');

const Redis = require(path.join(process.argv[2], 'node_modules', 'ioredis'));
const KEYS = 300;

async function main() {
    const cluster = new Redis.Cluster([{host: '127.0.0.1', port: Number(process.argv[3])}]);
    const keys = Array.from({length: KEYS}, (_, i) => `io:${i}`);
    await Promise.all(keys.map((key, i) => cluster.set(key, `v${i}`)));
    const values = await Promise.all(keys.map((key) => cluster.get(key)));
    assert.deepStrictEqual(values, keys.map((_, i) => `v${i}`));
    assert.strictEqual(await cluster.incr('io:counter'), 1);
    assert.deepStrictEqual(await cluster.mget('{io}1', '{io}2'), [null, null]);
    assert.strictEqual(cluster.nodes('master').length, 3);
    const sizes = await Promise.all(cluster.nodes('master').map((node) => node.keys('io:*')));
    assert.strictEqual(sizes.flat().length, KEYS + 1);
    assert.strictEqual(await cluster.del('io:counter'), 1);
    cluster.disconnect();
    console.log('ok');
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
