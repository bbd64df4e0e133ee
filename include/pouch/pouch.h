/* libpouch: sealed request-reply over Apache Kafka. Includes the whole public API. */
#ifndef POUCH_POUCH_H
#define POUCH_POUCH_H

#include <pouch/client.h>
#include <pouch/dest.h>
#include <pouch/envelope.h>
#include <pouch/error.h>
#include <pouch/event.h>
#include <pouch/health.h>
#include <pouch/key.h>
#include <pouch/metrics.h>
#include <pouch/options.h>
#include <pouch/partition.h>
#include <pouch/trace.h>
#include <pouch/validate.h>
#include <pouch/version.h>
#include <pouch/worker.h>

#endif
