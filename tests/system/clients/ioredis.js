// ioredis.js - ioredis 5 and 6 against a running server: node ioredis.js FOLDER PORT
// FOLDER has node_modules/ioredis.  Prints "ok <what>" for each promise kept; exits 1 at the first that is not.
'use strict';
const assert = require('node:assert');
const path = require('node:path');
const {createRequire} = require('node:module');

const [folder, port] = process.argv.slice(2);
const loaded = createRequire(path.join(folder, 'package.json'))('ioredis');
const Redis = loaded.default || loaded.Redis || loaded;
const ok = (what) => console.log(`ok ${what}`);

function connect(options = {}) {
    const client = new Redis({port: Number(port), host: '127.0.0.1', connectionName: 'tester', ...options});
    client.on('error', (error) => { console.error(error); process.exit(1); });
    return client;
}

async function commands(client) {
    assert.strictEqual(await client.ping(), 'PONG');
    assert.strictEqual(await client.set('k', 'größe', 'EX', 100), 'OK');
    assert.strictEqual(await client.get('k'), 'größe');
    assert.strictEqual(await client.get('none'), null);
    assert.strictEqual(await client.incrby('n', 42), 42);
    assert.strictEqual(await client.mset('a', '1', 'b', '2'), 'OK');
    assert.deepStrictEqual(await client.mget('a', 'none', 'b'), ['1', null, '2']);
    assert.strictEqual(await client.set('k', 'w', 'NX'), null);
    assert.ok(await client.ttl('k') > 90);
    assert.strictEqual(await client.del('a', 'none'), 1);
    assert.strictEqual(await client.client('GETNAME'), 'tester');
    ok('commands');
    await assert.rejects(client.call('NOSUCH'), /unknown command 'NOSUCH'/);
    await assert.rejects(client.incr('k'), /value is not an integer or out of range/);
    ok('errors');
}

async function bytes(client) {
    const every = Buffer.from(Array.from({length: 256}, (_, at) => at));
    const large = Buffer.alloc(3 << 20, every);
    await client.set(every, every);
    await client.set('large', large);
    assert.ok((await client.getBuffer(every)).equals(every));
    assert.ok((await client.getBuffer('large')).equals(large));
    const several = await client.mgetBuffer(every, 'none', 'large');
    assert.ok(several[0].equals(every) && several[1] === null && several[2].equals(large));
    ok('binary keys and values');
}

async function pipelines(client) {
    const count = 5000;
    const pipeline = client.pipeline();
    for (let at = 0; at < count; at++) pipeline.set(`key:${at}`, `value ${at}`).get(`key:${at}`);
    const replies = await pipeline.exec();
    assert.strictEqual(replies.length, 2 * count);
    replies.forEach(([error, reply], at) => {
        assert.strictEqual(error, null);
        assert.strictEqual(reply, at % 2 ? `value ${(at - 1) / 2}` : 'OK');
    });
    ok('a pipeline of 10000 commands');
    const mixed = await client.pipeline().set('text', 'abc').incr('text').get('text').exec();
    assert.match(mixed[1][0].message, /not an integer/);
    assert.deepStrictEqual([mixed[0][1], mixed[2][1]], ['OK', 'abc']);
    ok('an error within a pipeline');
    const keys = new Set();
    for await (const found of client.scanStream({match: 'key:*', count: 500})) found.forEach((key) => keys.add(key));
    assert.strictEqual(keys.size, count);
    ok('scanStream');
}

async function main() {
    const client = connect({db: 1});
    const elsewhere = connect({db: 2, enableAutoPipelining: true});
    await commands(client);
    await bytes(client);
    await pipelines(client);
    assert.strictEqual(await elsewhere.get('k'), null);
    const many = await Promise.all(Array.from({length: 100}, (_, at) => elsewhere.set(`auto:${at}`, at)));
    assert.ok(many.every((reply) => reply === 'OK') && await elsewhere.dbsize() === 100);
    ok('databases and automatic pipelines');
    assert.match(await client.info(), /redis_version:7\./);
    ok(`RESP${/resp=3/.test(await client.client('INFO')) ? 3 : 2}`);
    for (const one of [client, elsewhere]) assert.strictEqual(await one.quit(), 'OK');
    ok('quit');
}

main().catch((error) => { console.error(error); process.exit(1); });
