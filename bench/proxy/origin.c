/*
 * The origin behind every proxy of the benchmark: one thread, epoll, responses built once at start.
 * It honours keep-alive and never closes first, so that what it costs is small and the same for every proxy.
 * It is no general web server: a request body must have a Content-Length, heads are at most INPUT_BYTES.
 *
 * usage: origin PORT   (listens on 127.0.0.1, prints "listening" once bound, ends with its parent)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_BYTES 32768
#define EVENTS 256

struct response {
  const char *path;
  char *bytes; /* head and body, one write */
  size_t head_length;
  size_t length;
};

struct connection {
  int fd;
  bool close_after;
  bool waits_for_write;
  size_t used;        /* bytes in `in` */
  size_t body_left;   /* of the request being read */
  bool has_response;  /* a head was parsed, its answer is not yet being written */
  const char *out;
  size_t out_left;
  size_t out_length;  /* of the answer to the parsed head */
  char *owned;        /* an answer made for this request alone */
  char in[INPUT_BYTES];
};

/* As a web framework behind a CDN sends them: with Content-Type and Content-Length, 17 fields. */
static const char MANY_FIELDS[] =
    "Date: Tue, 24 Nov 2026 10:00:00 GMT\r\n"
    "Server: origin\r\n"
    "Cache-Control: private, max-age=0, must-revalidate\r\n"
    "ETag: W/\"5d8c72a5edda8-23\"\r\n"
    "Last-Modified: Mon, 23 Nov 2026 18:30:12 GMT\r\n"
    "Vary: Accept-Encoding, Origin\r\n"
    "Set-Cookie: session=8f2b7c1d9e3a4f60b5c6d7e8f9a0b1c2; Path=/; Secure; HttpOnly; SameSite=Lax\r\n"
    "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: strict-origin-when-cross-origin\r\n"
    "Content-Security-Policy: default-src 'self'; img-src 'self' data:; frame-ancestors 'none'\r\n"
    "Permissions-Policy: camera=(), microphone=(), geolocation=()\r\n"
    "Content-Language: en\r\n"
    "X-Runtime: 0.004127\r\n";

static struct response responses[] = {{.path = "/small"}, {.path = "/headers"}, {.path = "/64k"}, {.path = "/1m"}};
static const size_t response_count = sizeof responses / sizeof responses[0];

static struct response not_found;
static unsigned long accepted_connections, answered_requests;
static int epoll_fd;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void *allocate(size_t bytes) {
  void *memory = malloc(bytes);
  if (memory == NULL) fail("malloc");
  return memory;
}

/* `body` NULL: `body_length` bytes of filler. */
static void build_response(struct response *response, const char *status, const char *fields, const char *body,
                           size_t body_length) {
  char head[4096];
  int head_length =
      snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", status,
               fields, body_length);
  response->head_length = (size_t)head_length;
  response->length = response->head_length + body_length;
  response->bytes = allocate(response->length);
  memcpy(response->bytes, head, response->head_length);
  if (body != NULL) {
    memcpy(response->bytes + head_length, body, body_length);
  } else {
    memset(response->bytes + head_length, 'x', body_length);
  }
}

static void close_connection(struct connection *connection) {
  close(connection->fd);
  free(connection->owned);
  free(connection);
}

static void watch_write(struct connection *connection, bool wanted) {
  if (connection->waits_for_write == wanted) return;
  connection->waits_for_write = wanted;
  struct epoll_event event = {.events = wanted ? EPOLLOUT : EPOLLIN, .data.ptr = connection};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event) != 0) fail("epoll_ctl");
}

/* False: the connection is gone. */
static bool flush_output(struct connection *connection) {
  while (connection->out_left > 0) {
    ssize_t written = send(connection->fd, connection->out, connection->out_left, MSG_NOSIGNAL);
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) {
        watch_write(connection, true);
        return true;
      }
      close_connection(connection);
      return false;
    }
    connection->out += written;
    connection->out_left -= (size_t)written;
  }
  free(connection->owned);
  connection->owned = NULL;
  answered_requests++;
  if (connection->close_after) {
    close_connection(connection);
    return false;
  }
  watch_write(connection, false);
  return true;
}

/* An answer whose body is made now: what the proxy sent, or this server's counters. */
static void answer_with(struct connection *connection, const char *body, size_t body_length) {
  struct response made;
  build_response(&made, "200 OK", "", body, body_length);
  connection->owned = made.bytes;
  connection->out = made.bytes;
  connection->out_length = made.length;
}

static bool has_name(const char *line, size_t length, const char *name) {
  size_t name_length = strlen(name);
  return length > name_length && line[name_length] == ':' && strncasecmp(line, name, name_length) == 0;
}

static void choose_response(struct connection *connection, size_t head_length, bool is_head_request) {
  const char *path = memchr(connection->in, ' ', head_length);
  size_t path_length = 0;
  if (path != NULL) {
    path++;
    path_length = strcspn(path, " ?\r");
  }
  if (path_length == 5 && memcmp(path, "/echo", 5) == 0) {
    answer_with(connection, connection->in, head_length);
    return;
  }
  if (path_length == 6 && memcmp(path, "/stats", 6) == 0) {
    char body[128];
    int length = snprintf(body, sizeof body, "{\"connections\":%lu,\"requests\":%lu}\n", accepted_connections,
                          answered_requests);
    answer_with(connection, body, (size_t)length);
    return;
  }
  const struct response *found = &not_found;
  for (size_t i = 0; i < response_count; i++) {
    if (strlen(responses[i].path) == path_length && memcmp(responses[i].path, path, path_length) == 0) {
      found = &responses[i];
      break;
    }
  }
  connection->out = found->bytes;
  connection->out_length = is_head_request ? found->head_length : found->length;
}

/* False: a request that this server does not understand. */
static bool parse_head(struct connection *connection, size_t head_length) {
  const char *line = memchr(connection->in, '\n', head_length);
  const char *end = connection->in + head_length;
  size_t first_length = (size_t)(line - connection->in);
  connection->close_after = first_length >= 9 && memcmp(line - 9, "HTTP/1.0\r", 9) == 0;
  connection->body_left = 0;
  for (line++; line < end; ) {
    const char *next = memchr(line, '\n', (size_t)(end - line));
    if (next == NULL) break;
    size_t length = (size_t)(next - line);
    if (has_name(line, length, "content-length")) {
      connection->body_left = strtoul(line + sizeof "content-length", NULL, 10);
    } else if (has_name(line, length, "transfer-encoding")) {
      return false;
    } else if (has_name(line, length, "connection")) {
      const char *value = line + sizeof "connection";
      value += strspn(value, " ");
      if (strncasecmp(value, "close", 5) == 0) connection->close_after = true;
      if (strncasecmp(value, "keep-alive", 10) == 0) connection->close_after = false;
    }
    line = next + 1;
  }
  choose_response(connection, head_length, strncmp(connection->in, "HEAD ", 5) == 0);
  connection->has_response = true;
  return true;
}

static void consume(struct connection *connection, size_t bytes) {
  connection->used -= bytes;
  if (connection->used > 0) memmove(connection->in, connection->in + bytes, connection->used);
}

/* Answers what is complete in the input; one answer is written before the next request is looked at. */
static void serve(struct connection *connection) {
  while (connection->out_left == 0) {
    if (!connection->has_response) {
      const char *end = memmem(connection->in, connection->used, "\r\n\r\n", 4);
      if (end == NULL) {
        if (connection->used == INPUT_BYTES) close_connection(connection);
        return;
      }
      size_t head_length = (size_t)(end - connection->in) + 4;
      if (!parse_head(connection, head_length)) {
        close_connection(connection);
        return;
      }
      consume(connection, head_length);
    }
    size_t taken = connection->used < connection->body_left ? connection->used : connection->body_left;
    consume(connection, taken);
    connection->body_left -= taken;
    if (connection->body_left > 0) return;
    connection->has_response = false;
    connection->out_left = connection->out_length;
    if (!flush_output(connection)) return;
  }
}

static void read_input(struct connection *connection) {
  ssize_t count = read(connection->fd, connection->in + connection->used, INPUT_BYTES - connection->used);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    close_connection(connection);
    return;
  }
  connection->used += (size_t)count;
  serve(connection);
}

static void accept_connections(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *connection = allocate(sizeof *connection);
    memset(connection, 0, offsetof(struct connection, in));
    connection->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
    accepted_connections++;
  }
}

static int listen_on(int port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
  if (listen(listener, 4096) != 0) fail("listen");
  return listener;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: origin PORT\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  build_response(&responses[0], "200 OK", "", "Hello from the origin, 35 bytes it.", 35);
  build_response(&responses[1], "200 OK", MANY_FIELDS, "Hello from the origin, 35 bytes it.", 35);
  build_response(&responses[2], "200 OK", "", NULL, 64 * 1024);
  build_response(&responses[3], "200 OK", "", NULL, 1024 * 1024);
  build_response(&not_found, "404 Not Found", "", "not found\n", 10);

  int listener = listen_on(atoi(argv[1]));
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) fail("epoll_create1");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) != 0) fail("epoll_ctl");
  printf("listening\n");
  fflush(stdout);

  struct epoll_event events[EVENTS];
  for (;;) {
    int count = epoll_wait(epoll_fd, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      if (connection == NULL) {
        accept_connections(listener);
      } else if (connection->waits_for_write) {
        if (flush_output(connection)) serve(connection);
      } else {
        read_input(connection);
      }
    }
  }
}
