<?php
// php_redis.php - phpredis: php php_redis.php PORT.  See README.md for what each scenario promises.
declare(strict_types=1);

function check(bool $good, string $what, $got = null): void
{
    if (!$good) {
        throw new Exception($what . ': ' . substr(var_export($got, true), 0, 300));
    }
}

function same($got, $want, string $what): void
{
    check($got === $want, $what, $got);
}

function connect(int $database = 1): Redis
{
    global $port;
    $client = new Redis();
    $client->connect('127.0.0.1', $port, 30.0, null, 0, 30.0);
    $client->select($database);
    return $client;
}

function fresh(): Redis
{
    $client = connect();
    $client->flushAll();
    return $client;
}

/** The last error's text; phpredis 5.3 leaves a NUL behind it. */
function last_error(Redis $client): string
{
    return rtrim((string)$client->getLastError(), "\0");
}

function connects(): void
{
    $client = fresh();
    same($client->ping(), true, 'PING');
    same($client->set('k', 'größe', ['ex' => 100]), true, 'SET');
    same($client->get('k'), 'größe', 'GET');
    same($client->get('none'), false, 'GET of none');
    same($client->incrBy('n', 42), 42, 'INCRBY');
    same($client->mset(['a' => '1', 'b' => '2']), true, 'MSET');
    same($client->mget(['a', 'none', 'b']), ['1', false, '2'], 'MGET');
    same($client->set('k', 'w', ['nx']), false, 'SET NX');
    check($client->ttl('k') > 90, 'TTL');
    same($client->del('a', 'none'), 1, 'DEL');
    same($client->rawCommand('NOSUCH'), false, 'an unknown command');
    check(strpos($client->getLastError(), "unknown command 'NOSUCH'") !== false, 'its error', $client->getLastError());
    $client->clearLastError();
    same($client->incr('k'), false, 'INCR of text');
    same(last_error($client), 'ERR value is not an integer or out of range', 'its error');
    same($client->client('setname', 'tester'), true, 'CLIENT SETNAME');
    same($client->client('getname'), 'tester', 'CLIENT GETNAME');
    check(strpos($client->info('server')['redis_version'], '7.') === 0, 'redis_version');
}

function auth(): void
{
    $client = connect();
    $error = '';
    try {
        if (!$client->auth(['nobody', 'wrong'])) {
            $error = $client->getLastError();
        }
    } catch (RedisException $exception) {
        $error = $exception->getMessage();
    }
    check(strpos($error, 'WRONGPASS invalid username-password pair') === 0, 'the error', $error);
}

function select(): void
{
    $client = fresh();
    $client->set('k', 'in 1');
    $elsewhere = connect(2);
    same($elsewhere->get('k'), false, 'in database 2');
    same($client->select(2), true, 'SELECT');
    $client->set('k', 'in 2');
    same($elsewhere->get('k'), 'in 2', 'in database 2');
    $client->select(1);
    same($client->get('k'), 'in 1', 'in database 1');
    same($client->select(16), false, 'SELECT 16');
    same(last_error($client), 'ERR DB index is out of range', 'its error');
}

function binary(): void
{
    $client = fresh();
    $every = implode('', array_map('chr', range(0, 255)));
    $large = str_repeat($every, 3 << 12);
    $client->set($every, $every);
    $client->set('large', $large);
    $client->set('', '');
    same($client->get($every), $every, 'every byte');
    check($client->get('large') === $large, '3 MiB');
    same($client->get(''), '', 'nothing');
    check($client->mget([$every, 'none', 'large']) === [$every, false, $large], 'MGET');
}

function pipeline(): void
{
    $client = fresh();
    $pipeline = $client->pipeline();
    $want = [];
    for ($at = 0; $at < 5000; $at++) {
        $pipeline->set("key:$at", "value $at")->get("key:$at");
        array_push($want, true, "value $at");
    }
    same($pipeline->exec(), $want, 'a pipeline of 10000 commands');
    same($client->pipeline()->set('t', 'abc')->incr('t')->get('t')->exec(), [true, false, 'abc'], 'an error within');
}

function transaction(): void
{
    $client = fresh();
    same($client->multi()->set('a', '1')->incr('a')->get('a')->exec(), [true, 2, '2'], 'MULTI, EXEC');
    same($client->multi()->set('t', 'abc')->incr('t')->get('t')->exec(), [true, false, 'abc'], 'an error within');
    $other = connect();
    $client->watch('a');
    $other->set('a', '10');
    same($client->multi()->set('a', 'lost')->exec(), false, 'EXEC after a change');
    $client->watch('a');
    same($client->multi()->incr('a')->exec(), [11], 'EXEC without one');
    same($client->multi()->set('a', 'lost')->discard(), true, 'DISCARD');
    same($client->get('a'), '11', 'after DISCARD');
}

function pubsub(): void
{
    $client = fresh();
    $listener = connect();
    $heard = [];
    later('news', 'PUBLISH', 'news', 'one');
    try {
        $listener->subscribe(['news'], function (Redis $from, string $channel, string $text) use (&$heard) {
            $heard[] = [$channel, $text];
            $from->close();
        });
    } catch (RedisException $closed) {
    }
    same($heard, [['news', 'one']], 'a message');
    $listener = connect();
    later('*', 'PUBLISH', 'nows', 'two');
    try {
        $listener->psubscribe(['n?ws'], function (Redis $from, string $pattern, string $channel, string $text) use (&$heard) {
            $heard[] = [$pattern, $channel, $text];
            $from->close();
        });
    } catch (RedisException $closed) {
    }
    same($heard[1] ?? null, ['n?ws', 'nows', 'two'], 'a message by pattern');
    same($client->pubsub('numsub', ['none']), ['none' => 0], 'PUBSUB NUMSUB');
    same($client->publish('none', 'x'), 0, 'PUBLISH to nobody');
}

function scan(): void
{
    $client = fresh();
    $pairs = ['other' => 'v'];
    for ($at = 0; $at < 3000; $at++) {
        $pairs["key:$at"] = 'v';
    }
    $client->mset($pairs);
    $client->setOption(Redis::OPT_SCAN, (string)Redis::SCAN_RETRY);
    foreach (['key:*' => 3000, '*' => 3001] as $match => $want) {
        $keys = [];
        $cursor = null;
        while ($found = $client->scan($cursor, $match, 500)) {
            $keys += array_flip($found);
        }
        same(count($keys), $want, "SCAN MATCH $match");
    }
}

function killed(): void
{
    $client = fresh();
    $other = connect();
    same($other->rawCommand('CLIENT', 'KILL', 'ID', (string)$client->client('id')), 1, 'CLIENT KILL');
    same($client->set('k', 'v'), true, 'SET afterwards');
    same($other->get('k'), 'v', 'in its database again');
}

function restarted(): void
{
    $client = fresh();
    echo "restart\n";
    fgets(STDIN);
    same($client->set('k', 'again'), true, 'SET afterwards');
    same($client->get('k'), 'again', 'GET afterwards');
}

/** Has the test run a command as soon as somebody listens to a channel. */
function later(string ...$words): void
{
    echo 'later ', implode(' ', $words), "\n";
}

if (!class_exists('Redis')) {
    exit("phpredis is not there\n");
}
$port = (int)$argv[1];
$scenarios = ['connect' => 'connects', 'auth' => 'auth', 'select' => 'select', 'binary' => 'binary',
    'pipeline' => 'pipeline', 'transaction' => 'transaction', 'pubsub' => 'pubsub', 'scan' => 'scan',
    'killed' => 'killed', 'restart' => 'restarted'];
foreach ($scenarios as $name => $scenario) {
    try {
        $scenario();
        echo "pass $name\n";
    } catch (Throwable $error) {
        echo "fail $name: ", str_replace("\n", ' | ', (string)$error), "\n";
    }
}
echo "skip invalidate: phpredis 5.3 cannot read a message that is an array of keys\n";
