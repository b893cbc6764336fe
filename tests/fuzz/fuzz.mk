# Part of fastpath/Makefile: one libFuzzer program; its first argument chooses the target (fuzz_targets lists them).
FUZZ_FLAGS := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -O1 -g
FUZZ_OBJECTS := $(SOURCES:%.c=$(BUILD)/fuzz/%.o)
FUZZ_DIR := ../tests/fuzz

$(BUILD)/fuzz/%.o: %.c $(HEADERS)
	@mkdir -p $(@D)
	@echo 'CC $@'
	@$(CLANG) $(BASE) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -O1 -g -c $< -o $@

$(BUILD)/fuzz/run: $(FUZZ_DIR)/fuzz.c $(FUZZ_OBJECTS)
	$(CLANG) $(BASE) $(FUZZ_FLAGS) -Isrc -Iinclude -Idissectors $^ -o $@ $(LIBS)

fuzz: $(BUILD)/fuzz/run $(BUILD)/apps.bin ## every fuzz target, SECONDS in all
	$(PYTHON) $(FUZZ_DIR)/run.py $(BUILD)/fuzz/run $(BUILD)/apps.bin $(SECONDS)

$(BUILD)/fuzz/policy: $(FUZZ_DIR)/policy.c $(BUILD)/fuzz/src/policy.o $(BUILD)/fuzz/src/policy_decide.o $(BUILD)/fuzz/src/crc32.o
	$(CLANG) $(BASE) $(FUZZ_FLAGS) -Isrc -Iinclude $^ -o $@

fuzz: fuzz-policy
fuzz-policy: $(BUILD)/fuzz/policy ## the policy table's loader, SECONDS
	cd .. && $(abspath $(PYTHON)) -m tests.fuzz.policy_seeds fastpath/$(BUILD)/fuzz/policy-corpus
	$(BUILD)/fuzz/policy -max_total_time=$(SECONDS) -rss_limit_mb=512 -print_final_stats=1 $(BUILD)/fuzz/policy-corpus
.PHONY: fuzz-policy
