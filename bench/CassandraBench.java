/*
 * The inserts of bench/cql.c through the Java driver: the same statements, values, batches and requests under way.
 *
 *   java -cp 'DRIVER/*' CassandraBench.java HOST PORT ROWS ROWS_A_BATCH IN_FLIGHT
 *
 * As many rows as are measured go first, so that the virtual machine has compiled what it will run. Prints one line of JSON.
 */
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DefaultProtocolVersion;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchStatementBuilder;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.DefaultBatchType;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Statement;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

class CassandraBench {
    static final int SHARDS = 64;
    static final SplittableRandom random = new SplittableRandom();
    static final AtomicLong failed = new AtomicLong();

    static BoundStatement row(PreparedStatement insert, long row, int shard) {
        return insert.bind("publisher-a", 28333333, shard, new UUID(random.nextLong(), random.nextLong()), 1700000000000000L + row,
                           random.nextLong(), (int) (row % 12), row, "command-center-inbox", "service-1-topic",
                           "route-publisher-a", 120L, true);
    }

    static Statement<?> next(PreparedStatement insert, long row, int batch) {
        int shard = (int) (row / batch % SHARDS);
        long time = 1700000000000000L + row;
        if (batch == 1) return row(insert, row, shard).setQueryTimestamp(time).setIdempotent(true);
        BatchStatementBuilder all = BatchStatement.builder(DefaultBatchType.UNLOGGED);
        for (int i = 0; i < batch; i++) all.addStatement(row(insert, row + i, shard));
        return all.build().setQueryTimestamp(time).setIdempotent(true);
    }

    static void sendAll(CqlSession session, PreparedStatement insert, long from, long rows, int batch, int inFlight)
        throws InterruptedException {
        Semaphore free = new Semaphore(inFlight);
        for (long row = from; row < from + rows; row += batch) {
            free.acquire();
            session.executeAsync(next(insert, row, batch)).whenComplete((result, error) -> {
                if (error != null && failed.getAndIncrement() == 0) System.err.println("CassandraBench: " + error);
                free.release();
            });
        }
        free.acquire(inFlight);
    }

    static long cpu() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    public static void main(String[] args) throws InterruptedException {
        int batch = Integer.parseInt(args[3]), inFlight = Integer.parseInt(args[4]);
        long rows = Long.parseLong(args[2]);
        DriverConfigLoader config = DriverConfigLoader.programmaticBuilder()
                                        .withString(DefaultDriverOption.PROTOCOL_VERSION, DefaultProtocolVersion.V4.name())
                                        .withInt(DefaultDriverOption.CONNECTION_MAX_REQUESTS, 32000)
                                        .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(30))
                                        .withDuration(DefaultDriverOption.CONNECTION_INIT_QUERY_TIMEOUT, Duration.ofSeconds(30))
                                        .build();
        try (CqlSession session = CqlSession.builder()
                                      .addContactPoint(new InetSocketAddress(args[0], Integer.parseInt(args[1])))
                                      .withLocalDatacenter("datacenter1")
                                      .withConfigLoader(config)
                                      .build()) {
            PreparedStatement insert = session.prepare(
                "INSERT INTO pouch_bench." + (batch == 1 ? "by_request" : "by_publisher") +
                " (publisher, minute, shard, request_id, at_us, id, partition, offset, topic, target, route, took_us, success) " +
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
            sendAll(session, insert, 0, rows, batch, inFlight);
            long wall = System.nanoTime(), cpu = cpu();
            sendAll(session, insert, rows, rows, batch, inFlight);
            double seconds = (System.nanoTime() - wall) / 1e9;
            System.out.printf("{\"rows\":%d,\"failed\":%d,\"rows_per_s\":%.0f,\"cpu_s_per_million\":%.2f}%n", rows, failed.get(),
                              rows / seconds, (cpu() - cpu) / 1e9 * 1e6 / rows);
        }
    }
}
