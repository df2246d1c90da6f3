// matrix.js - what the two node drivers share: they run each scenario and say how it went (see README.md).
'use strict';
const assert = require('node:assert');
const path = require('node:path');
const readline = require('node:readline');
const {createRequire} = require('node:module');

const SCENARIO_MS_MAX = 30000;
const [folder, port, protocol] = process.argv.slice(2);
const load = createRequire(path.join(folder, 'package.json'));
const lines = readline.createInterface({input: process.stdin});
const every = Buffer.from(Array.from({length: 256}, (_, at) => at)); // every byte there is
const large = Buffer.alloc(3 << 20, every);

class Skip extends Error {}

/** Resolves when `emitter` emits `event`. */
function once(emitter, event) {
    return new Promise((resolve) => { emitter.once(event, resolve); });
}

/** Asks the test to kill the server and start another on the same port. */
async function restart() {
    console.log('restart');
    await once(lines, 'line');
}

function within(promise, name) {
    return Promise.race([promise, new Promise((_, reject) => {
        setTimeout(() => reject(new Error(`${name} took longer than ${SCENARIO_MS_MAX} ms`)), SCENARIO_MS_MAX).unref();
    })]);
}

/** Of the scenario `select`: `client` is in database 1, `elsewhere` in 2. */
async function selects(client, elsewhere) {
    await client.set('k', 'in 1');
    assert.strictEqual(await elsewhere.get('k'), null);
    await client.select(2);
    assert.strictEqual(await client.set('k', 'in 2'), 'OK');
    assert.strictEqual(await elsewhere.get('k'), 'in 2');
    await client.select(1);
    assert.strictEqual(await client.get('k'), 'in 1');
    await assert.rejects(client.select(16), /DB index is out of range/);
}

/** The scenario `restart`: the client comes back by itself. */
async function restarted(client) {
    const back = once(client, 'ready');
    await restart();
    await back;
    assert.strictEqual(await client.set('k', 'again'), 'OK');
    assert.strictEqual(await client.get('k'), 'again');
}

/** Runs all scenarios, each an async function, one after the other; prints a line for each. */
async function run(scenarios) {
    for (const [name, scenario] of Object.entries(scenarios)) {
        try {
            await within(scenario(), name);
            console.log(`pass ${name}`);
        } catch (error) {
            const text = String(error.stack || error).replace(/\s*\n\s*/g, ' | ');
            console.log(error instanceof Skip ? `skip ${name}: ${error.message}` : `fail ${name}: ${text}`);
        }
    }
    process.exit(0);
}

module.exports = {
    Skip, every, large, load, once, port: Number(port), protocol: Number(protocol), restarted, run, selects,
};
