# ruby_redis.rb - redis-rb: ruby ruby_redis.rb PORT.  See README.md for what each scenario promises.
require 'redis'

PORT = Integer(ARGV[0])
$stdout.sync = true

def check(good, what)
  raise what unless good
end

def same(got, want, what)
  check(got == want, "#{what}: got #{got.inspect[0, 300]}, want #{want.inspect[0, 300]}")
end

def connect(**options)
  Redis.new(host: '127.0.0.1', port: PORT, db: 1, timeout: 30, id: nil, **options)
end

def fresh
  client = connect
  client.flushall
  client
end

# The message of the error that the block raises.
def error_of(kind = Redis::CommandError)
  yield
  raise 'no error'
rescue kind => error
  error.message
end

SCENARIOS = {
  connect: lambda {
    client = fresh
    same(client.ping, 'PONG', 'PING')
    same(client.set('k', 'größe', ex: 100), 'OK', 'SET')
    same(client.get('k'), 'größe', 'GET')
    same(client.get('none'), nil, 'GET of none')
    same(client.incrby('n', 42), 42, 'INCRBY')
    same(client.mset('a', '1', 'b', '2'), 'OK', 'MSET')
    same(client.mget('a', 'none', 'b'), ['1', nil, '2'], 'MGET')
    same(client.set('k', 'w', nx: true), false, 'SET NX')
    check(client.ttl('k') > 90, 'TTL')
    same(client.del('a', 'none'), 1, 'DEL')
    check(error_of { client.call('NOSUCH') }.include?("unknown command 'NOSUCH'"), 'an unknown command')
    same(error_of { client.incr('k') }, 'ERR value is not an integer or out of range', 'INCR of text')
    same(connect(id: 'tester').client(:getname), 'tester', 'CLIENT GETNAME')
    check(client.info('server')['redis_version'].start_with?('7.'), 'redis_version')
  },
  auth: lambda {
    client = connect(username: 'nobody', password: 'wrong')
    same(error_of(Redis::BaseError) { client.ping },
         'WRONGPASS invalid username-password pair or user is disabled.', 'the error')
  },
  select: lambda {
    client = fresh
    client.set('k', 'in 1')
    elsewhere = connect(db: 2)
    same(elsewhere.get('k'), nil, 'in database 2')
    same(client.select(2), 'OK', 'SELECT')
    client.set('k', 'in 2')
    same(elsewhere.get('k'), 'in 2', 'in database 2')
    client.select(1)
    same(client.get('k'), 'in 1', 'in database 1')
    same(error_of { client.select(16) }, 'ERR DB index is out of range', 'SELECT 16')
  },
  binary: lambda {
    client = fresh
    every = (0..255).to_a.pack('C*')
    large = every * (3 << 12)
    client.set(every, every)
    client.set('large', large)
    client.set('', '')
    same(client.get(every).b, every, 'every byte')
    check(client.get('large').b == large, '3 MiB')
    same(client.get(''), '', 'nothing')
    check(client.mget(every, 'none', 'large').map { |value| value&.b } == [every, nil, large], 'MGET')
  },
  pipeline: lambda {
    client = fresh
    replies = client.pipelined do |pipeline|
      5000.times { |at| pipeline.set("key:#{at}", "value #{at}") && pipeline.get("key:#{at}") }
    end
    same(replies, Array.new(5000) { |at| ['OK', "value #{at}"] }.flatten, 'a pipeline of 10000 commands')
    message = error_of { client.pipelined { |p| p.set('t', 'abc') && p.incr('t') && p.set('u', 'done') } }
    same(message, 'ERR value is not an integer or out of range', 'an error within')
    same(client.get('u'), 'done', 'the command after it')
  },
  transaction: lambda {
    client = fresh
    same(client.multi { |t| t.set('a', '1') && t.incr('a') && t.get('a') }, ['OK', 2, '2'], 'MULTI, EXEC')
    error_of { client.multi { |t| t.set('t', 'abc') && t.incr('t') && t.set('u', 'done') } }
    same(client.mget('t', 'u'), %w[abc done], 'an error within')
    other = connect
    client.watch('a')
    other.set('a', '10')
    same(client.multi { |t| t.set('a', 'lost') }, nil, 'EXEC after a change')
    client.watch('a')
    same(client.multi { |t| t.incr('a') }, [11], 'EXEC without one')
    same(client.call('MULTI'), 'OK', 'MULTI')
    same(client.call('SET', 'a', 'lost'), 'QUEUED', 'QUEUED')
    same(client.call('DISCARD'), 'OK', 'DISCARD')
    same(client.get('a'), '11', 'after DISCARD')
  },
  pubsub: lambda {
    client = fresh
    listener = connect
    heard = []
    listener.subscribe('news') do |on|
      on.subscribe { |_, _| same(client.publish('news', 'größe'), 1, 'PUBLISH') }
      on.message do |channel, text|
        heard << [channel, text]
        listener.unsubscribe
      end
    end
    listener.psubscribe('n?ws') do |on|
      on.psubscribe { |_, _| client.publish('nows', 'two') }
      on.pmessage do |pattern, channel, text|
        heard << [pattern, channel, text]
        listener.punsubscribe
      end
    end
    same(heard, [%w[news größe], %w[n?ws nows two]], 'the messages')
    same(client.pubsub(:numsub, 'none'), ['none', 0], 'PUBSUB NUMSUB')
    same(listener.ping, 'PONG', 'PING after unsubscribing')
  },
  scan: lambda {
    client = fresh
    client.mset(*(0...3000).flat_map { |at| ["key:#{at}", 'v'] }, 'other', 'v')
    same(client.scan_each(match: 'key:*', count: 500).to_a.uniq.size, 3000, 'SCAN MATCH')
    same(client.scan_each.to_a.uniq.size, 3001, 'SCAN')
  },
  killed: lambda {
    client = fresh
    other = connect
    same(other.client(:kill, 'ID', client.client(:id)), 1, 'CLIENT KILL')
    same(client.set('k', 'v'), 'OK', 'SET afterwards')
    same(other.get('k'), 'v', 'in its database again')
  },
  restart: lambda {
    client = fresh
    puts 'restart'
    $stdin.gets
    same(client.set('k', 'again'), 'OK', 'SET afterwards')
    same(client.get('k'), 'again', 'GET afterwards')
  },
  invalidate: lambda {
    client = fresh
    client.set('k', 'v')
    listener = connect
    reader = connect
    same(reader.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', listener.client(:id)), 'OK', 'CLIENT TRACKING')
    same(reader.get('k'), 'v', 'GET')
    heard = nil
    listener.subscribe('__redis__:invalidate') do |on|
      on.subscribe { |_, _| client.set('k', 'w') }
      on.message do |_, keys|
        heard = keys
        listener.unsubscribe
      end
    end
    same(heard, ['k'], 'the keys')
    same(reader.get('k'), 'w', 'GET afterwards')
  }
}.freeze

SCENARIOS.each do |name, scenario|
  scenario.call
  puts "pass #{name}"
rescue StandardError => e
  puts "fail #{name}: #{e.class}: #{e.message.tr("\n", '|')} #{e.backtrace.first(2).join(' ')}"
end
