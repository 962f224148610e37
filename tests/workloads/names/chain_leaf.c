// SPDX-License-Identifier: BSD-2-Clause
#define LEAF_ELSEWHERE
#include "chain_leaf.h"
