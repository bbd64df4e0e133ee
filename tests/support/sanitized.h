/*
 * TEST_SANITIZED: this build has a sanitizer that replaces malloc and its kin. gcc and clang say so in different ways.
 */
#ifndef POUCH_TESTS_SANITIZED_H
#define POUCH_TESTS_SANITIZED_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED 1
#endif

#endif
