// cluster_node_redis.js FOLDER PORT - node-redis as a client of the whole cluster.
'use strict';
const assert = require('node:assert');
const path = require('node:path');

const {createCluster} = require(path.join(process.argv[2], 'node_modules', 'redis'));
const KEYS = 300;

async function main() {
    const cluster = createCluster({rootNodes: [{url: `redis://127.0.0.1:${process.argv[3]}`}]});
    cluster.on('error', () => {});
    await cluster.connect();
    const keys = Array.from({length: KEYS}, (_, i) => `nr:${i}`);
    await Promise.all(keys.map((key, i) => cluster.set(key, `v${i}`)));
    const values = await Promise.all(keys.map((key) => cluster.get(key)));
    assert.deepStrictEqual(values, keys.map((_, i) => `v${i}`));
    assert.strictEqual(await cluster.incr('nr:counter'), 1);
    assert.deepStrictEqual(await cluster.mGet(['{nr}1', '{nr}2']), [null, null]);
    assert.strictEqual(cluster.masters.length, 3);
    assert.strictEqual(await cluster.del('nr:counter'), 1);
    await cluster.disconnect();
    console.log('ok');
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
