// SPDX-License-Identifier: BSD-2-Clause
/* Constructs of C++. */
#define ST_MAIN
#include "st.h"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <vector>

template <int D> N int nested(int x)
{
	int r = nested<D - 1>(x + D);

	STAY();
	return r + D;
}
template <> N int nested<0>(int x)
{
	leaf();
	STAY();
	return x;
}
N void m_template()
{
	st_begin("template", "main;~m_template;~nested<3>;~nested<2>;~nested<1>;~nested<0>;leaf");
	st_work += nested<3>(1);
	STAY();
}

struct guard {
	N ~guard()
	{
		leaf();
		STAY();
	}
};
N void throws()
{
	guard g;

	throw std::runtime_error("x");
}
N void m_unwinding()
{
	st_begin("unwinding", "main;~m_unwinding;~throws;**;~guard;leaf");
	try {
		throws();
	} catch (const std::exception &) {
		STAY();
	}
}
N void thrower() { throw 1; }
N void in_catch()
{
	try {
		thrower();
	} catch (int) {
		leaf();
		STAY();
	}
}
N void m_catch()
{
	st_begin("catch", "main;~m_catch;~in_catch;leaf");
	in_catch();
	STAY();
}
/* Throwing again and again: most samples are in the unwinder of the language. */
N void throw_loop()
{
	while (!st_done()) {
		for (int i = 0; i < 50; i++) {
			try {
				thrower();
			} catch (int) {
				st_work++;
			}
		}
		if (st_is_blocked)
			leaf_once();
	}
}
N void m_throwing()
{
	st_begin("throwing", "main;~m_throwing;~throw_loop");
	throw_loop();
	STAY();
}

struct base {
	virtual ~base() {}
	virtual void run() = 0;
};
struct derived : base {
	N void run() override
	{
		leaf();
		STAY();
	}
};
N void calls_virtual(base *b)
{
	b->run();
	STAY();
}
N void m_virtual()
{
	derived d;

	st_begin("virtual", "main;~m_virtual;~calls_virtual;~derived::run;leaf");
	calls_virtual(&d);
	STAY();
}

N void calls_function(const std::function<void()> &f)
{
	f();
	STAY();
}
N void m_lambda()
{
	int x = 3;

	st_begin("lambda", "main;~m_lambda;~calls_function;**;leaf");
	calls_function([x] {
		leaf();
		st_work += x;
	});
	STAY();
}

N bool slower(int a, int b)
{
	if (!st_done())
		leaf_once();
	STAY();
	return a < b;
}
N void m_sort()
{
	st_begin("stdsort", "main;~m_sort;**;~slower");
	while (!st_done()) {
		std::vector<int> v;

		for (int i = 0; i < 300; i++)
			v.push_back(i * 7919 % 300);
		std::sort(v.begin(), v.end(), [](int a, int b) { return slower(a, b); });
	}
	STAY();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)();
	} modes[] = {
		{ "template", m_template }, { "unwinding", m_unwinding }, { "catch", m_catch }, { "throwing", m_throwing },
		{ "virtual", m_virtual }, { "lambda", m_lambda }, { "stdsort", m_sort },
	};

	st_init(argc, argv);
	for (const auto &m : modes)
		if (!strcmp(argv[1], m.name)) {
			m.run();
			STAY();
			return 0;
		}
	return 2;
}
