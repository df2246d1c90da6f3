// node_redis.js - node-redis 4, 5 and 6 against a running server:
//   node node_redis.js FOLDER PORT PROTOCOL     FOLDER has node_modules/redis; PROTOCOL 2 or 3
// Prints "ok <what>" for each promise kept; exits 1 at the first that is not.
'use strict';
const assert = require('node:assert');
const path = require('node:path');
const {createRequire} = require('node:module');

const [folder, port, protocol] = process.argv.slice(2);
const load = createRequire(path.join(folder, 'package.json'));
const redis = load('redis');
const major = Number(load('redis/package.json').version.split('.')[0]);
const ok = (what) => console.log(`ok ${what}`);

async function connect(options = {}) {
    const client = redis.createClient({
        url: `redis://127.0.0.1:${port}/1`, name: 'tester', ...(major > 4 ? {RESP: Number(protocol)} : {}), ...options,
    });
    client.on('error', (error) => { console.error(error); process.exit(1); });
    await client.connect();
    return client;
}

function binary(client) {
    if (major > 4) return client.withTypeMapping({[redis.RESP_TYPES.BLOB_STRING]: Buffer});
    const options = redis.commandOptions({returnBuffers: true});
    return {get: (key) => client.get(options, key), mGet: (keys) => client.mGet(options, keys)};
}

async function commands(client) {
    assert.strictEqual(await client.ping(), 'PONG');
    assert.strictEqual(await client.set('k', 'größe'), 'OK');
    assert.strictEqual(await client.get('k'), 'größe');
    assert.strictEqual(await client.get('none'), null);
    assert.strictEqual(await client.incrBy('n', 42), 42);
    assert.strictEqual(await client.mSet([['a', '1'], ['b', '2']]), 'OK');
    assert.deepStrictEqual(await client.mGet(['a', 'none', 'b']), ['1', null, '2']);
    assert.strictEqual(await client.set('k', 'w', {NX: true}), null);
    assert.strictEqual(await client.setEx('brief', 100, 'v'), 'OK');
    assert.ok(await client.ttl('brief') > 90);
    assert.strictEqual(Number(await client.exists(['a', 'none'])), 1);
    assert.strictEqual(await client.del(['a', 'none']), 1);
    assert.strictEqual(await client.clientGetName(), 'tester');
    ok('commands');
    await assert.rejects(client.sendCommand(['NOSUCH']), /unknown command 'NOSUCH'/);
    await assert.rejects(client.incr('k'), /value is not an integer or out of range/);
    ok('errors');
}

async function bytes(client) {
    const every = Buffer.from(Array.from({length: 256}, (_, at) => at));
    const large = Buffer.alloc(3 << 20, every);
    await client.set(every, every);
    await client.set('large', large);
    assert.deepStrictEqual(Buffer.compare(await binary(client).get(every), every), 0);
    assert.deepStrictEqual(Buffer.compare(await binary(client).get('large'), large), 0);
    const several = await binary(client).mGet([every, 'none', 'large']);
    assert.ok(several[0].equals(every) && several[1] === null && several[2].equals(large));
    ok('binary keys and values');
}

async function pipelines(client) {
    const count = 5000;
    const sets = [], gets = [];
    for (let at = 0; at < count; at++) { // one tick: the client sends them as one pipeline
        sets.push(client.set(`key:${at}`, `value ${at}`));
        gets.push(client.get(`key:${at}`));
    }
    assert.ok((await Promise.all(sets)).every((reply) => reply === 'OK'));
    (await Promise.all(gets)).forEach((reply, at) => assert.strictEqual(reply, `value ${at}`));
    ok('a pipeline of 10000 commands');
    const replies = await client.multi().set('p', '1').incr('p').get('p').execAsPipeline();
    assert.deepStrictEqual(replies, ['OK', 2, '2']);
    ok('multi().execAsPipeline()');
    const keys = new Set();
    for await (const found of client.scanIterator({MATCH: 'key:*', COUNT: 500})) {
        for (const key of Array.isArray(found) ? found : [found]) keys.add(key);
    }
    assert.strictEqual(keys.size, count);
    ok('scanIterator');
}

async function main() {
    const client = await connect();
    const elsewhere = await connect({database: 2, url: `redis://127.0.0.1:${port}/2`});
    await commands(client);
    await bytes(client);
    await pipelines(client);
    assert.strictEqual(await elsewhere.get('k'), null);
    assert.ok(await client.dbSize() > 5000 && await elsewhere.dbSize() === 0);
    ok('databases');
    const hello = await client.hello(major > 4 ? Number(protocol) : {protover: 2});
    assert.strictEqual(Number(hello.proto), Number(protocol));
    assert.match(await client.info('server'), /redis_version:7\./);
    ok(`RESP${hello.proto}`);
    for (const one of [client, elsewhere]) await (major > 4 ? one.close() : one.quit());
    ok('close');
}

main().catch((error) => { console.error(error); process.exit(1); });
