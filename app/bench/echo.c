#include <bench/bench.h>
#include <bench/payload.h>
#include <stdlib.h>
#include <string.h>

void bench_echo(pouch_job *job, void *unused) {
    (void)unused;
    size_t n;
    const char *json = pouch_job_payload(job, &n);
    char small[4096], *copy = n <= sizeof small ? small : malloc(n);
    pouch_err e;
    if (!copy) {
        e = pouch_job_retry(job, "out of memory");
    } else {
        memcpy(copy, json, n);
        (void)bench_payload_stamp_seen(copy, n); /* what others sent is echoed as it is */
        e = pouch_job_reply(job, copy, n);
        if (e && e != POUCH_E_HANDLER_TIMEOUT) e = pouch_job_fail(job, pouch_why());
    }
    if (copy != small) free(copy);
    (void)e; /* a job that cannot even be failed is failed by its timeout */
}
