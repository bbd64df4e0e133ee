/* pouch schema encode, decode. */
#include <base/hex.h>
#include <base/why.h>
#include <ops/commands.h>
#include <ops/schemas.h>
#include <schema/frame.h>
#include <schema/schema.h>
#include <stdlib.h>
#include <string.h>

enum { PAYLOAD_MAX = 64 << 20 };

static const char *const settings[] = {"schema.registry", NULL};

/* The schemas that the settings name, and all of stdin in `in`. */
static pouch_err begin(const struct ops_call *call, struct schema_set **set, struct pl_buf *in, struct pl_buf *out) {
    struct pl_settings s;
    pl_buf_init(in, PAYLOAD_MAX);
    pl_buf_init(out, PAYLOAD_MAX);
    *set = NULL;
    pouch_err e = pl_settings_read(&s, call->options);
    if (e) return e;
    e = schema_open(set, &s);
    pl_settings_free(&s);
    return e ? e : ops_read_all(stdin, in);
}

static void end(struct schema_set *set, struct pl_buf *in, struct pl_buf *out) {
    schema_close(set);
    pl_buf_wipe(in);
    pl_buf_wipe(out);
}

/* ---- encode ---- */

static int print_framed(const struct ops_call *call, const struct pl_buf *framed) {
    uint32_t id;
    if (call->output == OPS_TABLE) {
        fwrite(framed->at, 1, framed->len, stdout);
        return ops_done();
    }
    pouch_err e = schema_frame_read(framed->at, framed->len, &id);
    char *hex = malloc(2 * framed->len + 1);
    if (e || !hex) {
        free(hex);
        return ops_error(e ? e : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a payload"));
    }
    pl_hex_encode(hex, (const uint8_t *)framed->at, framed->len);
    int exit_code =
        ops_print_json(json_pack("{s:I,s:s#}", "id", (json_int_t)id, "framed", hex, (int)(2 * framed->len)));
    explicit_bzero(hex, 2 * framed->len);
    free(hex);
    return exit_code;
}

static int schema_encode_command(struct ops_call *call) {
    struct schema_set *set;
    struct pl_buf in, out;
    pouch_err e = begin(call, &set, &in, &out);
    if (!e) e = schema_encode(set, call->args[0], in.at ? in.at : "", in.len, &out);
    int exit_code = e ? ops_error(e) : print_framed(call, &out);
    end(set, &in, &out);
    return exit_code;
}

const struct ops_command ops_schema_encode = {
    .name = "schema encode",
    .args = "SUBJECT",
    .summary = "Check a payload by the newest schema of a subject and write it in the wire format",
    .about = "Reads one payload, as JSON, from stdin, and writes what Confluent's serializers would: a zero\n"
             "byte, the schema's id in four, then Avro binary or JSON text. -o json writes it in\n"
             "hexadecimal. Exit 1 when the payload is not as the schema says, with the place.\n\n"
             "  pouch schema encode orders-value < order.json | kcat -P -b $BROKERS -t orders -D ''\n",
    .settings = settings,
    .least = 1,
    .most = 1,
    .run = schema_encode_command,
};

/* ---- decode ---- */

static int print_payload(const struct ops_call *call, uint32_t id, const struct pl_buf *payload) {
    if (call->output == OPS_TABLE) {
        fwrite(payload->at, 1, payload->len, stdout);
        putchar('\n');
        return ops_done();
    }
    json_t *value;
    pouch_err e = pl_json_read_payload(&value, "payload", payload->at, payload->len);
    if (e) return ops_error(e);
    return ops_print_json(json_pack("{s:I,s:o}", "id", (json_int_t)id, "payload", value));
}

static int schema_decode_command(struct ops_call *call) {
    struct schema_set *set;
    struct pl_buf in, out;
    uint32_t id = 0;
    pouch_err e = begin(call, &set, &in, &out);
    if (!e) e = schema_decode(set, in.at ? in.at : "", in.len, &id, &out);
    int exit_code = e ? ops_error(e) : print_payload(call, id, &out);
    end(set, &in, &out);
    return exit_code;
}

const struct ops_command ops_schema_decode = {
    .name = "schema decode",
    .args = "",
    .summary = "Read a payload in the wire format by the schema that it names",
    .about = "Reads one message from stdin, as pouch schema encode or Confluent's serializers write it, and\n"
             "prints its payload as JSON. Exit 1 when it is not as its schema says.\n\n"
             "  kcat -C -b $BROKERS -t orders -c 1 -D '' -e | pouch schema decode\n",
    .settings = settings,
    .least = 0,
    .most = 0,
    .run = schema_decode_command,
};
