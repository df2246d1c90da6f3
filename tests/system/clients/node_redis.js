// node_redis.js - node-redis 4, 5 and 6: node node_redis.js FOLDER PORT PROTOCOL
// FOLDER has node_modules/redis.  See README.md for what each scenario promises.
'use strict';
const assert = require('node:assert');
const {every, large, load, once, port, protocol, restarted, run, selects} = require('./matrix.js');

const redis = load('redis');
const major = Number(load('redis/package.json').version.split('.')[0]);
const open = new Set();

function create(options = {}) {
    const {database = 1, ...others} = options;
    return redis.createClient({
        url: `redis://127.0.0.1:${port}/${database}`, name: 'tester', ...(major > 4 ? {RESP: protocol} : {}), ...others,
    });
}

async function connect(options) {
    const client = create(options);
    client.on('error', () => {}); // a lost connection is an error too, and it comes back
    open.add(client);
    return client.connect();
}

async function leave() {
    for (const client of open) await (major > 4 ? client.destroy() : client.disconnect());
    open.clear();
}

/** A scenario with one connected client to an empty server. */
function fresh(scenario, options) {
    return async () => {
        try {
            const client = await connect(options);
            await client.flushAll();
            await scenario(client);
        } finally {
            await leave();
        }
    };
}

function binary(client) {
    if (major > 4) return client.withTypeMapping({[redis.RESP_TYPES.BLOB_STRING]: Buffer});
    const options = redis.commandOptions({returnBuffers: true});
    return {get: (key) => client.get(options, key), mGet: (keys) => client.mGet(options, keys)};
}

async function connects(client) {
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
    await assert.rejects(client.sendCommand(['NOSUCH']), /unknown command 'NOSUCH'/);
    await assert.rejects(client.incr('k'), /value is not an integer or out of range/);
    assert.strictEqual(await client.clientGetName(), 'tester');
    const hello = await client.hello(major > 4 ? protocol : {protover: 2});
    assert.strictEqual(Number(hello.proto), protocol);
    assert.match(await client.info('server'), /redis_version:7\./);
}

async function auth() {
    const client = create({username: 'nobody', password: 'wrong', socket: {reconnectStrategy: false}});
    client.on('error', () => {});
    await assert.rejects(client.connect(), /WRONGPASS invalid username-password pair/);
}

async function select(client) {
    await selects(client, await connect({database: 2}));
}

async function bytes(client) {
    await client.set(every, every);
    await client.set('large', large);
    await client.set('', '');
    assert.ok((await binary(client).get(every)).equals(every));
    assert.ok((await binary(client).get('large')).equals(large));
    assert.strictEqual(await client.get(''), '');
    const several = await binary(client).mGet([every, 'none', 'large']);
    assert.ok(several[0].equals(every) && several[1] === null && several[2].equals(large));
}

async function pipeline(client) {
    const count = 5000;
    const sets = [], gets = [];
    for (let at = 0; at < count; at++) { // one tick: the client sends them as one pipeline
        sets.push(client.set(`key:${at}`, `value ${at}`));
        gets.push(client.get(`key:${at}`));
    }
    assert.ok((await Promise.all(sets)).every((reply) => reply === 'OK'));
    (await Promise.all(gets)).forEach((reply, at) => assert.strictEqual(reply, `value ${at}`));
    const mixed = await Promise.allSettled([client.set('t', 'abc'), client.incr('t'), client.get('t')]);
    assert.match(mixed[1].reason.message, /not an integer/);
    assert.deepStrictEqual([mixed[0].value, mixed[2].value], ['OK', 'abc']);
    const replies = await client.multi().set('p', '1').incr('p').get('p').execAsPipeline();
    assert.deepStrictEqual(replies, ['OK', 2, '2']);
}

async function transaction(client) {
    assert.deepStrictEqual(await client.multi().set('a', '1').incr('a').get('a').exec(), ['OK', 2, '2']);
    await assert.rejects(client.multi().set('t', 'abc').incr('t').set('u', 'done').exec());
    assert.deepStrictEqual(await client.mGet(['t', 'u']), ['abc', 'done']);
    const other = await connect();
    await client.watch('a');
    await other.set('a', '10');
    await assert.rejects(client.multi().set('a', 'lost').exec(), redis.WatchError);
    assert.strictEqual(await client.get('a'), '10');
    await client.watch('a');
    assert.deepStrictEqual(await client.multi().incr('a').exec(), [11]);
    await assert.rejects(client.multi().addCommand(['NOSUCH']).set('a', 'lost').exec());
    assert.strictEqual(await client.get('a'), '11');
}

async function pubsub(client) {
    const listener = await connect();
    const heard = [];
    let enough;
    const all = new Promise((resolve) => { enough = resolve; });
    const hear = (how) => (message, channel) => {
        heard.push([how, String(channel), message]);
        if (heard.length === 4) enough();
    };
    await listener.subscribe('news', hear('channel'));
    await listener.pSubscribe('n?ws', hear('pattern'));
    await listener.subscribe('bytes', hear('channel'), true);
    assert.strictEqual(await client.publish('news', 'größe'), 2);
    assert.strictEqual(await client.publish('nows', 'two'), 1);
    assert.strictEqual(await client.publish('nothing', 'x'), 0);
    assert.strictEqual(await client.publish('bytes', every), 1);
    await all;
    assert.deepStrictEqual(heard.slice(0, 3), [
        ['channel', 'news', 'größe'], ['pattern', 'news', 'größe'], ['pattern', 'nows', 'two']]);
    assert.ok(heard[3][2].equals(every));
    assert.deepStrictEqual(Object.entries(await client.pubSubNumSub(['news', 'none'])).map(([k, v]) => [k, Number(v)]),
        [['news', 1], ['none', 0]]);
    await listener.unsubscribe(['news', 'bytes']);
    await listener.pUnsubscribe('n?ws');
    assert.strictEqual(await client.publish('news', 'x'), 0);
    assert.strictEqual(String(await listener.ping()), 'PONG');
}

async function scan(client) {
    const count = 3000;
    await client.mSet(Array.from({length: count}, (_, at) => [`key:${at}`, 'v']));
    await client.set('other', 'v');
    for (const [match, want] of [['key:*', count], ['*', count + 1]]) {
        const keys = new Set();
        for await (const found of client.scanIterator({MATCH: match, COUNT: 500})) {
            for (const key of Array.isArray(found) ? found : [found]) keys.add(key);
        }
        assert.strictEqual(keys.size, want);
    }
}

async function killed(client) {
    const other = await connect();
    const back = once(client, 'ready');
    const number = await client.clientId();
    assert.strictEqual(Number(await other.sendCommand(['CLIENT', 'KILL', 'ID', String(number)])), 1);
    await back;
    assert.strictEqual(await client.set('k', 'v'), 'OK');
    assert.strictEqual(await other.get('k'), 'v'); // in its database again
}

async function invalidate(client) {
    await client.set('k', 'v');
    if (protocol === 3) { // the library's own cache
        const cache = new redis.BasicClientSideCache({ttl: 0, maxEntries: 0, evictPolicy: 'LRU'});
        const caching = await connect({clientSideCache: cache});
        for (let turn = 0; turn < 3; turn++) assert.strictEqual(await caching.get('k'), 'v');
        assert.strictEqual(Number(cache.stats().hitCount), 2);
        const said = once(cache, 'invalidate');
        await client.set('k', 'w');
        assert.strictEqual(String(await said), 'k');
        assert.strictEqual(await caching.get('k'), 'w');
        return;
    }
    const listener = await connect(), reader = await connect();
    const number = await listener.clientId();
    const said = new Promise((resolve) => { listener.subscribe('__redis__:invalidate', resolve); });
    assert.strictEqual(await reader.sendCommand(['CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(number)]), 'OK');
    assert.strictEqual(await reader.get('k'), 'v');
    await client.set('k', 'w');
    assert.strictEqual(String(await said), 'k');
    assert.strictEqual(await reader.get('k'), 'w');
}

run({
    connect: fresh(connects), auth, select: fresh(select), binary: fresh(bytes), pipeline: fresh(pipeline),
    transaction: fresh(transaction), pubsub: fresh(pubsub), scan: fresh(scan), killed: fresh(killed),
    restart: fresh(restarted), invalidate: fresh(invalidate),
});
