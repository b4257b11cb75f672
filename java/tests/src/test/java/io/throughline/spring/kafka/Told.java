package io.throughline.spring.kafka;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Logger;

/** What we tell the application's log, as long as this is open. */
final class Told implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger("io.throughline.spring.kafka");

    final List<String> messages = new CopyOnWriteArrayList<>();

    Told() {
        // A filter, as Spring Boot resets the handlers.
        LOG.setFilter(record -> messages.add(record.getMessage()));
    }

    @Override
    public void close() {
        LOG.setFilter(null);
    }
}
