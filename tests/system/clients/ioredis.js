// ioredis.js - ioredis 5 and 6: node ioredis.js FOLDER PORT PROTOCOL
// FOLDER has node_modules/ioredis.  See README.md for what each scenario promises.
'use strict';
const assert = require('node:assert');
const {every, large, load, once, port, protocol, restarted, run, selects} = require('./matrix.js');

const loaded = load('ioredis');
const Redis = loaded.default || loaded.Redis || loaded;
const open = new Set();

function connect(options = {}) {
    const client = new Redis({
        port, host: '127.0.0.1', db: 1, connectionName: 'tester', protocol, ...options,
    });
    client.on('error', () => {}); // a lost connection is an error too, and it comes back
    open.add(client);
    return client;
}

/** A scenario with one client to an empty server. */
function fresh(scenario) {
    return async () => {
        try {
            const client = connect();
            await client.flushall();
            await scenario(client);
        } finally {
            for (const client of open) client.disconnect();
            open.clear();
        }
    };
}

async function connects(client) {
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
    await assert.rejects(client.call('NOSUCH'), /unknown command 'NOSUCH'/);
    await assert.rejects(client.incr('k'), /value is not an integer or out of range/);
    assert.strictEqual(await client.client('GETNAME'), 'tester');
    assert.match(await client.client('INFO'), new RegExp(`db=1 |resp=${protocol}`));
    assert.match(await client.info(), /redis_version:7\./);
    assert.strictEqual(await client.quit(), 'OK');
}

async function auth() {
    const client = new Redis({port, host: '127.0.0.1', username: 'nobody', password: 'wrong', protocol,
        lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0});
    const failure = once(client, 'error');
    client.connect().catch(() => {});
    assert.match(String((await failure).message), /WRONGPASS invalid username-password pair/);
    client.disconnect();
}

async function select(client) {
    await selects(client, connect({db: 2}));
}

async function bytes(client) {
    await client.set(every, every);
    await client.set('large', large);
    await client.set('', '');
    assert.ok((await client.getBuffer(every)).equals(every));
    assert.ok((await client.getBuffer('large')).equals(large));
    assert.strictEqual(await client.get(''), '');
    const several = await client.mgetBuffer(every, 'none', 'large');
    assert.ok(several[0].equals(every) && several[1] === null && several[2].equals(large));
}

async function pipeline(client) {
    const count = 5000;
    const commands = client.pipeline();
    for (let at = 0; at < count; at++) commands.set(`key:${at}`, `value ${at}`).get(`key:${at}`);
    const replies = await commands.exec();
    assert.strictEqual(replies.length, 2 * count);
    replies.forEach(([error, reply], at) => {
        assert.strictEqual(error, null);
        assert.strictEqual(reply, at % 2 ? `value ${(at - 1) / 2}` : 'OK');
    });
    const mixed = await client.pipeline().set('text', 'abc').incr('text').get('text').exec();
    assert.match(mixed[1][0].message, /not an integer/);
    assert.deepStrictEqual([mixed[0][1], mixed[2][1]], ['OK', 'abc']);
    const automatic = connect({db: 2, enableAutoPipelining: true});
    const many = await Promise.all(Array.from({length: 100}, (_, at) => automatic.set(`auto:${at}`, at)));
    assert.ok(many.every((reply) => reply === 'OK') && await automatic.dbsize() === 100);
}

async function transaction(client) {
    assert.deepStrictEqual(await client.multi().set('a', '1').incr('a').get('a').exec(),
        [[null, 'OK'], [null, 2], [null, '2']]);
    const mixed = await client.multi().set('t', 'abc').incr('t').get('t').exec();
    assert.match(mixed[1][0].message, /not an integer/);
    assert.strictEqual(mixed[2][1], 'abc');
    const other = connect();
    await client.watch('a');
    await other.set('a', '10');
    assert.strictEqual(await client.multi().set('a', 'lost').exec(), null);
    await client.watch('a');
    assert.deepStrictEqual(await client.multi().incr('a').exec(), [[null, 11]]);
    await assert.rejects(client.multi().call('NOSUCH').set('a', 'lost').exec(), /EXECABORT/);
    await client.multi({pipeline: false});
    assert.strictEqual(await client.set('a', 'lost'), 'QUEUED');
    assert.strictEqual(await client.discard(), 'OK');
    assert.strictEqual(await client.get('a'), '11');
}

async function pubsub(client) {
    const listener = connect();
    const heard = [];
    let enough;
    const all = new Promise((resolve) => { enough = resolve; });
    const hear = (...words) => {
        heard.push(words);
        if (heard.length === 4) enough();
    };
    listener.on('message', (channel, text) => { if (channel !== 'bytes') hear('channel', channel, text); });
    listener.on('pmessage', (pattern, channel, text) => hear('pattern', channel, text));
    listener.on('messageBuffer', (channel, text) => { if (String(channel) === 'bytes') hear('bytes', text); });
    assert.strictEqual(await listener.subscribe('news', 'bytes'), 2);
    assert.strictEqual(await listener.psubscribe('n?ws'), 3);
    assert.strictEqual(await client.publish('news', 'größe'), 2);
    assert.strictEqual(await client.publish('nows', 'two'), 1);
    assert.strictEqual(await client.publish('nothing', 'x'), 0);
    assert.strictEqual(await client.publish('bytes', every), 1);
    await all;
    assert.deepStrictEqual(heard.slice(0, 3), [
        ['channel', 'news', 'größe'], ['pattern', 'news', 'größe'], ['pattern', 'nows', 'two']]);
    assert.ok(heard[3][1].equals(every));
    assert.deepStrictEqual((await client.pubsub('NUMSUB', 'news', 'none')).map(String), ['news', '1', 'none', '0']);
    await listener.unsubscribe('news', 'bytes');
    await listener.punsubscribe('n?ws');
    assert.strictEqual(await client.publish('news', 'x'), 0);
    assert.strictEqual(await listener.ping(), 'PONG');
}

async function scan(client) {
    const count = 3000;
    await client.mset(...Array.from({length: count}, (_, at) => [`key:${at}`, 'v']).flat(), 'other', 'v');
    for (const [match, want] of [['key:*', count], ['*', count + 1]]) {
        const keys = new Set();
        for await (const found of client.scanStream({match, count: 500})) found.forEach((key) => keys.add(key));
        assert.strictEqual(keys.size, want);
    }
}

async function killed(client) {
    const other = connect();
    const back = once(client, 'ready');
    const number = await client.client('ID');
    assert.strictEqual(Number(await other.client('KILL', 'ID', number)), 1);
    await back;
    assert.strictEqual(await client.set('k', 'v'), 'OK');
    assert.strictEqual(await other.get('k'), 'v'); // in its database again
}

async function invalidate(client) { // ioredis drops pushes it does not know: by redirection, as on RESP2
    await client.set('k', 'v');
    const listener = connect({protocol: 2}), reader = connect();
    const number = await listener.client('ID');
    await listener.subscribe('__redis__:invalidate');
    const said = new Promise((resolve) => { listener.on('message', (_, keys) => resolve(keys)); });
    assert.strictEqual(await reader.client('TRACKING', 'ON', 'REDIRECT', number), 'OK');
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
