/* data_verbs.h - what each word behind `hypercached data` does; data.c has their table. */
#ifndef HYPERCACHE_SERVER_DATA_DATA_VERBS_H
#define HYPERCACHE_SERVER_DATA_DATA_VERBS_H

#include "data/data_options.h"

data_result data_info(const data_options *options);
data_result data_verify(const data_options *options);
data_result data_salvage(const data_options *options);
data_result data_backup(const data_options *options);
data_result data_restore(const data_options *options);
data_result data_import(const data_options *options);
data_result data_export(const data_options *options);

#endif
