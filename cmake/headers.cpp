// SPDX-License-Identifier: Apache-2.0
// Nothing: what counts of its library is the precompiled header.
